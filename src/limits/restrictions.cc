#include "limits/restrictions.h"

#include <algorithm>
#include <utility>

namespace capture::limits {
namespace {

constexpr std::string_view kTarget = "capture::limits";

template <typename F>
void for_each_pipeline(std::uint8_t bits, F visit) {
    for (std::size_t p = 0; p < kRestrictionPipelines; ++p) {
        if ((bits >> p) & 1) visit(p);
    }
}

bool allows(const std::vector<std::string>& filter, std::string_view value) {
    if (filter.empty()) return true;
    return !value.empty() && std::ranges::binary_search(filter, value, std::less<>());
}

bool matches(const Restriction& rule, const RestrictionFacts& facts) {
    return allows(rule.distinct_ids, facts.distinct_id) &&
           allows(rule.session_ids, facts.session_id) &&
           allows(rule.event_names, facts.event_name) && allows(rule.event_uuids, facts.event_uuid);
}

}  // namespace

const char* to_text(RestrictionType type) {
    switch (type) {
        case RestrictionType::DropEvent:
            return "drop_event";
        case RestrictionType::ForceOverflow:
            return "force_overflow";
        case RestrictionType::RedirectToDlq:
            return "redirect_to_dlq";
        case RestrictionType::SkipPersonProcessing:
            return "skip_person_processing";
        case RestrictionType::RedirectToTopic:
            return "redirect_to_topic";
        case RestrictionType::kCount:
            break;
    }
    return "drop_event";
}

std::string redis_key(RestrictionType type) {
    std::string key = "event_ingestion_restriction_dynamic_config:";
    key += to_text(type);
    if (type == RestrictionType::DropEvent || type == RestrictionType::ForceOverflow)
        key += "_from_ingestion";
    return key;
}

const char* to_text(RestrictionPipeline pipeline) {
    switch (pipeline) {
        case RestrictionPipeline::Analytics:
            return "analytics";
        case RestrictionPipeline::ErrorTracking:
            return "errortracking";
        case RestrictionPipeline::Ai:
            return "ai";
        case RestrictionPipeline::SessionRecordings:
            return "session_recordings";
        case RestrictionPipeline::kCount:
            break;
    }
    return "analytics";
}

std::optional<RestrictionPipeline> restriction_pipeline(model::EventKind kind) {
    switch (kind) {
        case model::EventKind::AnalyticsMain:
        case model::EventKind::AnalyticsHistorical:
            return RestrictionPipeline::Analytics;
        case model::EventKind::Exception:
            return RestrictionPipeline::ErrorTracking;
        case model::EventKind::Ai:
            return RestrictionPipeline::Ai;
        case model::EventKind::Snapshot:
            return RestrictionPipeline::SessionRecordings;
        case model::EventKind::Heatmap:
        case model::EventKind::ClientWarning:
            return std::nullopt;
    }
    return std::nullopt;
}

std::uint8_t served_pipelines(config::Mode mode) {
    auto const bit = [](RestrictionPipeline p) { return 1u << static_cast<unsigned>(p); };
    using enum RestrictionPipeline;
    switch (mode) {
        case config::Mode::Recordings:
            return static_cast<std::uint8_t>(bit(SessionRecordings));
        case config::Mode::Ai:
            return static_cast<std::uint8_t>(bit(Ai));
        case config::Mode::Logs:
            return 0;
        case config::Mode::Events:
        case config::Mode::Import:
            break;
    }
    return static_cast<std::uint8_t>(bit(Analytics) | bit(ErrorTracking) | bit(Ai));
}

void RuleSet::add(const Restriction* rule) {
    auto const position = static_cast<std::uint32_t>(rules_.size());
    rules_.push_back(rule);
    uses_uuid_ = uses_uuid_ || !rule->event_uuids.empty();
    // Under the filter that tells most, once.
    auto const under = [&](Index& index, const std::vector<std::string>& values) {
        std::string_view last;
        for (const std::string& value : values) {
            if (value == last) continue;  // sorted; an empty value matches nothing
            index[value].push_back(position);
            last = value;
        }
    };
    if (!rule->event_uuids.empty()) return under(by_uuid_, rule->event_uuids);
    if (!rule->distinct_ids.empty()) return under(by_id_, rule->distinct_ids);
    if (!rule->session_ids.empty()) return under(by_session_, rule->session_ids);
    if (!rule->event_names.empty()) return under(by_name_, rule->event_names);
    any_.push_back(position);
}

template <typename F>
void RuleSet::visit(const RestrictionFacts& facts, F matched) const {
    for (std::uint32_t const position : any_)
        matched(position);
    auto const in = [&](const Index& index, std::string_view value) {
        if (index.empty() || value.empty()) return;
        auto const found = index.find(value);
        if (found == index.end()) return;
        for (std::uint32_t const position : found->second) {
            if (matches(*rules_[position], facts)) matched(position);
        }
    };
    in(by_id_, facts.distinct_id);
    in(by_name_, facts.event_name);
    in(by_session_, facts.session_id);
    in(by_uuid_, facts.event_uuid);
}

RestrictionMatch RuleSet::match(const RestrictionFacts& facts) const {
    RestrictionMatch result;
    std::uint32_t last = 0;
    visit(facts, [&](std::uint32_t position) {
        const Restriction& rule = *rules_[position];
        result.types |= static_cast<std::uint8_t>(1u << static_cast<unsigned>(rule.type));
        if (rule.type != RestrictionType::RedirectToTopic || (result.redirect && position < last))
            return;
        result.redirect = &rule;
        last = position;
    });
    return result;
}

std::vector<const Restriction*> RuleSet::matching(const RestrictionFacts& facts) const {
    std::vector<std::uint32_t> positions;
    visit(facts, [&](std::uint32_t position) { positions.push_back(position); });
    std::ranges::sort(positions);
    std::vector<const Restriction*> all;
    for (std::uint32_t const position : positions)
        all.push_back(rules_[position]);
    return all;
}

std::shared_ptr<const RestrictionTable> RestrictionTable::make(std::vector<Restriction> all) {
    auto table = std::make_shared<RestrictionTable>();
    std::ranges::stable_sort(all, {}, &Restriction::index);
    table->rules.reserve(all.size());
    for (Restriction& rule : all) {
        const Restriction& kept =
            *table->rules.emplace_back(std::make_unique<const Restriction>(std::move(rule)));
        std::unique_ptr<TokenRules>& rules = table->by_token[kept.token];
        if (!rules) rules = std::make_unique<TokenRules>();
        for_each_pipeline(kept.pipelines, [&](std::size_t p) {
            if (rules->by_pipeline[p].size() == 0) ++table->tokens[p];
            rules->by_pipeline[p].add(&kept);
            ++table->loaded[p];
        });
    }
    return table;
}

RestrictionRefresher::RestrictionRefresher(const config::RestrictionsSettings& /*settings*/,
                                           config::Mode mode, const Probe& probe,
                                           telemetry::Logger& logger, const base::Clock& clock)
    : served_(served_pipelines(mode)),
      logger_(logger),
      clock_(clock),
      age_("event_restrictions", probe, clock) {
    for (std::size_t t = 0; t < kRestrictionTypes; ++t) {
        const char* const type = to_text(static_cast<RestrictionType>(t));
        auto const& family = probe.restrictions_fetch;
        types_[t] = {family.with({type, "success"}), family.with({type, "not_found"}),
                     family.with({type, "error"}), family.with({type, "parse_error"})};
    }
    for_each_pipeline(served_, [&](std::size_t p) {
        const char* const name = to_text(static_cast<RestrictionPipeline>(p));
        pipelines_[p] = {
            probe.restrictions_refreshed.with({name}), probe.restrictions_loaded.with({name}),
            probe.restrictions_tokens.with({name}), probe.restrictions_stale.with({name})};
    });
}

void RestrictionRefresher::fail(std::string_view what, std::string_view cause) {
    if (std::exchange(failing_, true)) return;
    logger_.error(kTarget, "Could not refresh the event restrictions, the last ones stay in force",
                  {{"key", what}, {"cause", cause}});
}

base::Task<void> RestrictionRefresher::refresh(redis::Store& store) {
    redis::Commands commands;
    for (std::size_t t = 0; t < kRestrictionTypes; ++t) {
        std::string const key = redis_key(static_cast<RestrictionType>(t));
        commands.add({"GET", key});
    }
    auto replies = co_await store.run(std::move(commands));
    if (!replies) {
        for (const TypeMetrics& type : types_)
            type.error.add();
        age_.failed();
        fail("all", replies.error().message);
        co_return;
    }

    bool good = true;
    std::array<std::string, kRestrictionTypes> values;
    std::array<std::vector<Restriction>, kRestrictionTypes> parsed;
    for (std::size_t t = 0; t < kRestrictionTypes; ++t) {
        auto const type = static_cast<RestrictionType>(t);
        redis::Reply& reply = (*replies)[t];
        if (reply.kind != redis::Reply::Kind::Text && reply.kind != redis::Reply::Kind::Nil) {
            types_[t].error.add();
            fail(redis_key(type), reply.text);
            good = false;
            continue;
        }
        bool broken = false;
        values[t] = redis::decode_value(std::move(reply.text), &broken);
        if (broken)
            logger_.warn(kTarget, "A restriction value looks like zstd and is not",
                         {{"key", redis_key(type)}});
        if (values[t].empty()) {
            types_[t].not_found.add();
            continue;
        }
        std::size_t rejected = 0;
        auto rules = parse_restrictions(type, values[t], served_, rejected);
        if (!rules) {
            types_[t].parse_error.add();
            fail(redis_key(type), rules.error());
            good = false;
            continue;
        }
        if (rejected > 0 && values[t] != values_[t]) {
            logger_.error(kTarget, "Redirect restrictions without a topic are not applied",
                          {{"entries", rejected}});
        }
        types_[t].success.add();
        parsed[t] = std::move(*rules);
    }
    if (!good) {
        age_.failed();
        co_return;
    }
    if (!table_ || values != values_) {
        std::vector<Restriction> all;
        for (std::vector<Restriction>& some : parsed)
            std::ranges::move(some, std::back_inserter(all));
        table_ = RestrictionTable::make(std::move(all));
        values_ = std::move(values);
    }
    publish(clock_.now().seconds);
}

void RestrictionRefresher::publish(std::int64_t now) {
    if (std::exchange(failing_, false)) logger_.info(kTarget, "Event restrictions refreshed again");
    age_.refreshed();
    state_.publish(std::make_shared<const RestrictionState>(RestrictionState{table_, now}));
    for_each_pipeline(served_, [&](std::size_t p) {
        pipelines_[p].refreshed.set(static_cast<double>(now));
        pipelines_[p].loaded.set(static_cast<double>(table_->loaded[p]));
        pipelines_[p].tokens.set(static_cast<double>(table_->tokens[p]));
        pipelines_[p].stale.set(0);
    });
}

}  // namespace capture::limits
