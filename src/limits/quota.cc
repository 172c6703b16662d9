#include "limits/quota.h"

#include <utility>

namespace capture::limits {
namespace {

constexpr std::array<Resource, kScopedResources> kScoped{
    Resource::Exceptions, Resource::SurveyResponses, Resource::LlmEvents,
    Resource::MobileRecordings};

Resource global_resource(config::Mode mode) {
    return mode == config::Mode::Recordings ? Resource::Recordings : Resource::Events;
}

/// Which resources a mode keeps: all scoped ones, and its global one.
bool has_quota(config::Mode mode, Resource resource) {
    if (resource == Resource::MobileRecordings) return mode == config::Mode::Recordings;
    return static_cast<std::size_t>(resource) < kScopedResources ||
           resource == global_resource(mode);
}

void count(QuotaOutcome& outcome, Resource resource, std::uint32_t events) {
    outcome.counted[static_cast<std::size_t>(drop_reason(resource))] += events;
}

}  // namespace

const char* to_text(Resource resource) {
    switch (resource) {
        case Resource::Exceptions:
            return "exceptions";
        case Resource::SurveyResponses:
            return "survey_responses";
        case Resource::LlmEvents:
            return "llm_events";
        case Resource::MobileRecordings:
            return "mobile_recordings";
        case Resource::Events:
            return "events";
        case Resource::Recordings:
            return "recordings";
        case Resource::kCount:
            break;
    }
    return "events";
}

model::DropReason drop_reason(Resource resource) {
    switch (resource) {
        case Resource::Exceptions:
            return model::DropReason::ExceptionsOverQuota;
        case Resource::SurveyResponses:
            return model::DropReason::SurveyResponsesOverQuota;
        case Resource::LlmEvents:
            return model::DropReason::LlmEventsOverQuota;
        case Resource::MobileRecordings:
            return model::DropReason::MobileRecordingsOverQuota;
        case Resource::Recordings:
            return model::DropReason::RecordingsOverQuota;
        case Resource::Events:
        case Resource::kCount:
            break;
    }
    return model::DropReason::EventsOverQuota;
}

Resource scope_of(const model::ParsedEvent& event, QuotaMask mask) {
    std::string_view const name = event.name;
    if (name == "$exception") return Resource::Exceptions;
    if (name == "survey sent" || name == "survey shown" || name == "survey dismissed") {
        return event.facts.product_tour_id ? Resource::kCount : Resource::SurveyResponses;
    }
    if (name.starts_with("$ai_")) return Resource::LlmEvents;
    if (event.facts.mobile && mask.mobile_apart()) return Resource::MobileRecordings;
    return Resource::kCount;
}

QuotaLimiter::QuotaLimiter(config::Mode mode, const Probe& probe) : global_(global_resource(mode)) {
    for (std::size_t i = 0; i < kResources; ++i) {
        auto const resource = static_cast<Resource>(i);
        if (!has_quota(mode, resource)) continue;
        exceeded_[i] = probe.quota_exceeded.with({to_text(resource)});
        grace_[i] = probe.grace_period.with({to_text(resource)});
    }
}

QuotaOutcome QuotaLimiter::apply(QuotaMask mask, std::vector<model::ParsedEvent>& events) const {
    QuotaOutcome outcome;
    if (!mask.any_limit() || events.empty()) return outcome;

    auto const scope = [mask](const model::ParsedEvent& event) { return scope_of(event, mask); };
    std::array<std::uint32_t, kResources + 1> matched{};
    for (const model::ParsedEvent& event : events)
        ++matched[index(scope(event))];

    auto const total = static_cast<std::uint32_t>(events.size());
    std::uint32_t candidates = total;
    std::uint32_t retained = 0;
    for (Resource const resource : kScoped) {
        std::uint32_t const n = matched[index(resource)];
        if (n == 0) continue;
        if (!mask.limited(resource)) {
            retained += n;
            continue;
        }
        candidates -= n;
        count(outcome, resource, n);
        count_exceeded(resource, n);
    }
    if (candidates > 0 && mask.limited(global_)) {
        // Counts the retained events as well: contract 30 §3.4 step 3.
        count(outcome, global_, candidates);
        count_exceeded(global_, candidates);
        std::vector<model::ParsedEvent> kept;
        kept.reserve(retained);
        for (Resource const resource : kScoped) {
            if (mask.limited(resource) || matched[index(resource)] == 0) continue;
            for (model::ParsedEvent const& event : events) {
                if (scope(event) == resource) kept.push_back(event);
            }
        }
        events = std::move(kept);
    } else if (candidates < total) {
        std::erase_if(events, [&](const model::ParsedEvent& event) {
            Resource const resource = scope(event);
            return resource != Resource::kCount && mask.limited(resource);
        });
    }
    outcome.removed = total - static_cast<std::uint32_t>(events.size());
    outcome.billing_limited = events.empty();
    return outcome;
}

void QuotaLimiter::count_grace_period(QuotaMask mask,
                                      const std::vector<model::ParsedEvent>& events) const {
    if (!mask.any_grace()) return;
    std::array<std::uint32_t, kResources + 1> admitted{};
    for (const model::ParsedEvent& event : events) {
        Resource const resource = scope_of(event, mask);
        if (resource != Resource::kCount && mask.in_grace(resource)) {
            ++admitted[index(resource)];
        } else if (mask.in_grace(global_)) {
            ++admitted[index(global_)];
        }
    }
    for (std::size_t i = 0; i < kResources; ++i) {
        if (admitted[i] > 0) grace_[i].add(admitted[i]);
    }
}

QuotaSets::QuotaSets(config::Mode mode, std::string_view key_prefix, const Probe& probe,
                     telemetry::Logger& logger, const base::Clock& clock) {
    for (std::size_t i = 0; i < kResources; ++i) {
        auto const resource = static_cast<Resource>(i);
        if (!has_quota(mode, resource)) continue;
        for (bool const grace : {false, true})
            held_.push_back({resource, grace, {}});
    }
    for (std::size_t i = 0; i < held_.size(); ++i) {
        std::string key(key_prefix);
        key += held_[i].grace ? "@posthog/quota-limiting-suspended/" : "@posthog/quota-limits/";
        key += to_text(held_[i].resource);
        sets_.push_back(
            std::make_unique<FollowedSet>(std::move(key), probe, logger, clock,
                                          [this, i](const std::vector<std::string>& members) {
                                              held_[i].members = members;
                                              rebuild();
                                          }));
    }
}

void QuotaSets::rebuild() {
    auto table = std::make_shared<QuotaTable>();
    for (const Held& held : held_) {
        table->mobile_apart |=
            held.resource == Resource::MobileRecordings && !held.grace && !held.members.empty();
        for (const std::string& token : held.members) {
            QuotaMask& mask = table->by_token[token];
            held.grace ? mask.set_grace(held.resource) : mask.set_limited(held.resource);
        }
    }
    table_.publish(std::move(table));
}

}  // namespace capture::limits
