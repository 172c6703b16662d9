#include "limits/explain.h"

#include <boost/asio/co_spawn.hpp>
#include <charconv>

#include "limits/limits.h"
#include "limits/parts.h"

namespace capture::limits {

using Verdict = ExplainStep::Verdict;

const char* to_text(Verdict verdict) {
    switch (verdict) {
        case Verdict::Off:
            return "off";
        case Verdict::Passed:
            return "passed";
        case Verdict::Marked:
            return "marked";
        case Verdict::Ended:
            return "ended";
    }
    return "passed";
}

namespace {

std::string number(double value) {
    char text[64];
    auto const [end, error] =
        std::to_chars(text, text + sizeof(text), value, std::chars_format::fixed, 1);
    return error == std::errc() ? std::string(text, end) : std::string("?");
}

/// Runs one task to its end on a context of its own thread of control.
void run(base::IoContext& context, base::Task<void> task) {
    bool ended = false;
    base::asio::co_spawn(context, std::move(task), [&ended](std::exception_ptr) { ended = true; });
    while (!ended && context.run_one() > 0) {
    }
}

}  // namespace

/// One question being answered, with the parts that a process would have.
class Explainer {
  public:
    Explainer(std::unique_ptr<Limits> limits, const ExplainQuestion& question, Explanation& out)
        : limits_(std::move(limits)),
          parts_(Inside::parts(*limits_)),
          worker_(limits_->worker()),
          question_(question),
          out_(out) {}

    base::Task<void> answer() {
        parts_.context = &context_;
        parts_.clients = std::make_unique<RedisClients>(context_, parts_.settings.redis.tls_ca_file,
                                                        parts_.probe, parts_.logger, parts_.clock);
        open_stores(parts_);
        co_await read_everything();
        bool const on = co_await known_token();
        if (on && quota() && import_gate() && build()) {
            if (parts_.settings.mode == config::Mode::Recordings) {
                if (restrictions()) replay_overflow();
            } else if (token_dropper() && restrictions()) {
                bool const within = co_await ai_budget();
                if (within) {
                    co_await rate_limit();
                    overflow();
                }
            }
        }
        parts_.clients->close();
    }
    base::IoContext& context() { return context_; }

  private:
    ExplainStep& step(std::string name, Verdict verdict, std::string reason) {
        return out_.steps.emplace_back(
            ExplainStep{std::move(name), verdict, std::move(reason), {}});
    }
    bool ended(std::string name, model::DropReason reason, std::string why) {
        out_.dropped = reason;
        step(std::move(name), Verdict::Ended, std::move(why))
            .facts.emplace_back("cause", model::cause(reason));
        return false;
    }
    RequestLimits request() { return worker_.request(question_.token, parts_.clock.now()); }

    /// Empty when the store answers the question, which is one of those that the role asks: a user
    /// may be forbidden all others.
    static base::Task<std::string> trouble(std::shared_ptr<redis::Store> store,
                                           redis::Commands question) {
        if (!store) co_return std::string("no Redis is configured for this");
        auto const reply = co_await redis::command(*store, std::move(question));
        if (reply) co_return std::string();
        co_return "Redis cannot be read: " + reply.error().message;
    }

    base::Task<void> read_everything() {
        redis::Commands quota({"ZRANGEBYSCORE", parts_.quota_sets.set(0).key(), "+Inf", "+Inf"});
        primary_trouble_ = co_await trouble(parts_.stores.primary, std::move(quota));
        std::string const key = parts_.settings.restrictions.enabled
                                    ? redis_key(RestrictionType::DropEvent)
                                    : parts_.settings.rate_limit.custom_threshold_key;
        redis::Commands rule({"GET", key});
        restrictions_trouble_ = co_await trouble(parts_.stores.restrictions, std::move(rule));
        if (primary_trouble_.empty()) {
            for (std::size_t i = 0; i < parts_.quota_sets.size(); ++i) {
                co_await parts_.quota_sets.set(i).refresh(*parts_.stores.primary);
            }
            if (parts_.settings.mode == config::Mode::Recordings) {
                co_await parts_.replay.set().refresh(*parts_.stores.primary);
            }
        }
        if (restrictions_trouble_.empty()) {
            if (parts_.settings.restrictions.enabled) {
                co_await parts_.restrictions.refresh(*parts_.stores.restrictions);
            }
            if (parts_.thresholds) co_await parts_.thresholds->refresh(*parts_.stores.restrictions);
        }
        if (parts_.stores.known_tokens) {
            parts_.known_tokens->attach(context_, parts_.stores.known_tokens);
            co_await parts_.known_tokens->refresh_marker();
        }
    }

    base::Task<bool> known_token() {
        KnownTokens& known = *parts_.known_tokens;
        if (!known.enabled()) {
            step("known_token", Verdict::Off, "TOKEN_VALIDATION_MODE is off");
            co_return true;
        }
        TokenVerdict const verdict = co_await known.check(question_.token);
        if (known.refuses(verdict)) out_.refused = model::Error{model::Code::UnknownToken, {}};
        std::string why = "the token belongs to a project";
        if (verdict == TokenVerdict::Unknown) why = "no project owns the token";
        if (verdict == TokenVerdict::Unverified) {
            why = known.marker_fresh()
                      ? "the look-up failed, so the token is accepted"
                      : "the list of tokens is stale or missing, so every token is accepted";
        }
        auto& s =
            step("known_token", out_.refused ? Verdict::Ended : Verdict::Passed, std::move(why));
        s.facts = {{"verdict", to_text(verdict)},
                   {"mode", parts_.settings.known_tokens.mode == config::TokenValidation::Enforce
                                ? "enforce"
                                : "dry_run"}};
        co_return !out_.refused;
    }

    bool quota() {
        if (!primary_trouble_.empty()) {
            step("billing_quota", Verdict::Off, primary_trouble_ + ", so nothing is limited");
            return true;
        }
        std::vector<model::ParsedEvent> batch{question_.parsed};
        QuotaMask const mask = parts_.quota_sets.table().load()->of(question_.token);
        Resource const scope = scope_of(batch[0], mask);
        Resource const global = parts_.quota.global();
        QuotaOutcome const outcome = request().quota(batch);
        std::vector<std::pair<std::string, std::string>> facts;
        for (Resource const resource : {scope, global}) {
            if (resource == Resource::kCount) continue;
            facts.emplace_back(to_text(resource), mask.limited(resource)    ? "over quota"
                                                  : mask.in_grace(resource) ? "in a grace period"
                                                                            : "within quota");
        }
        if (!outcome.billing_limited) {
            bool const spared = mask.limited(global);
            step("billing_quota", Verdict::Passed,
                 spared ? "over the global quota, but the event's own resource is within its quota"
                        : "the token is within its quotas")
                .facts = std::move(facts);
            return true;
        }
        bool const own = scope != Resource::kCount && mask.limited(scope);
        ended("billing_quota", drop_reason(own ? scope : global),
              std::string("the token is over its quota of ") + to_text(own ? scope : global));
        auto& kept = out_.steps.back().facts;
        kept.insert(kept.end(), facts.begin(), facts.end());
        return false;
    }

    bool import_gate() {
        if (parts_.settings.mode != config::Mode::Import) return true;
        if (question_.historical_migration) {
            step("import_gate", Verdict::Passed, "the batch is flagged historical_migration");
            return true;
        }
        return ended("import_gate", model::DropReason::NonHistoricalImport,
                     "imports take only batches flagged historical_migration");
    }

    bool build() {
        auto event = question_.build();
        if (event) {
            out_.event = *event;
            return true;
        }
        out_.refused = std::move(event.error());
        step("validation", Verdict::Ended, model::body_text(*out_.refused));
        return false;
    }

    bool token_dropper() {
        if (parts_.dropper.empty()) {
            step("token_dropper", Verdict::Off, "DROP_EVENTS_BY_TOKEN_DISTINCT_ID is empty");
            return true;
        }
        if (request().dropped_by_token(out_.event.distinct_id)) {
            return ended(
                "token_dropper", model::DropReason::TokenDropper,
                "DROP_EVENTS_BY_TOKEN_DISTINCT_ID names the token or this distinct_id of it");
        }
        step("token_dropper", Verdict::Passed,
             "the list does not name the token with this distinct_id");
        return true;
    }

    static std::string describe(const Restriction& rule) {
        std::string text =
            std::string(to_text(rule.type)) + " (index " + std::to_string(rule.index);
        auto const filter = [&](const char* name, const std::vector<std::string>& values) {
            if (!values.empty())
                text += std::string(", by ") + name + " of " + std::to_string(values.size());
        };
        filter("distinct_ids", rule.distinct_ids);
        filter("session_ids", rule.session_ids);
        filter("event_names", rule.event_names);
        filter("event_uuids", rule.event_uuids);
        if (!rule.topic.empty()) text += ", topic " + rule.topic;
        return text + ")";
    }

    bool restrictions() {
        auto const pipeline = restriction_pipeline(out_.event.kind);
        if (!parts_.settings.restrictions.enabled || !pipeline) {
            step("event_restrictions", Verdict::Off,
                 pipeline ? "EVENT_RESTRICTIONS_ENABLED is false"
                          : "events of this kind are never restricted");
            return true;
        }
        auto const state = parts_.restrictions.state().load();
        if (!state->table) {
            step("event_restrictions", Verdict::Off,
                 restrictions_trouble_.empty() ? "the rules in Redis are malformed, so none apply"
                                               : restrictions_trouble_ + ", so none apply");
            return true;
        }
        std::vector<const Restriction*> matching;
        if (const TokenRules* const rules = state->table->of(question_.token)) {
            std::string uuid(base::Uuid::kTextSize, '\0');
            out_.event.uuid.format(uuid.data());
            matching = rules->by_pipeline[static_cast<std::size_t>(*pipeline)].matching(
                {out_.event.distinct_id, out_.event.session_id.value_or(""), out_.event.name,
                 uuid});
        }
        auto const reason = request().restrict(out_.event, *out_.arena);
        if (reason) {
            ended("event_restrictions", *reason, "a restriction drops the event");
        } else if (matching.empty()) {
            step("event_restrictions", Verdict::Passed, "no restriction matches");
        } else {
            step("event_restrictions", Verdict::Marked, "restrictions change where the event goes");
        }
        auto& facts = out_.steps.back().facts;
        facts.emplace_back("pipeline", to_text(*pipeline));
        for (const Restriction* rule : matching)
            facts.emplace_back("matches", describe(*rule));
        return !reason;
    }

    /// Puts the fleet's level into the local cache, as a read of the background task would.
    base::Task<ExplainStep*> seed(std::string name, RateLimiter& limiter, redis::Store& store,
                                  RateEntity entity) {
        auto const thresholds = std::as_const(limiter).thresholds().load();
        auto const limit =
            thresholds->resolve(entity.hash, entity.token_hash, limiter.options().cache.threshold);
        std::string key;
        entity.append_to(key);
        std::string text = key;
        auto const level = co_await limiter.read_level(store, std::move(text));
        RateMoment const now = limiter.moment();
        limiter.cache().evaluate(*thresholds, entity, 0, now);
        if (level) limiter.cache().store(entity.hash, *level, limit.limit, now);
        auto& s = step(std::move(name), Verdict::Passed, "below its threshold");
        s.facts = {{"key", key},
                   {"level", level ? number(*level) : "unknown: " + level.error().message},
                   {"threshold", std::to_string(limit.limit)},
                   {"threshold_is", limit.custom ? "custom" : "global"},
                   {"window_seconds", std::to_string(limiter.options().cache.window_secs)}};
        if (limiter.options().dry_run) s.facts.emplace_back("dry_run", "true");
        co_return &s;
    }

    base::Task<bool> ai_budget() {
        if (!parts_.ai_bytes || out_.event.kind != model::EventKind::Ai) {
            step("ai_byte_budget", Verdict::Off,
                 parts_.ai_bytes ? "the event is not on the AI lane"
                                 : "no AI byte budget is in force");
            co_return true;
        }
        std::string scratch;
        std::string_view const token = question_.token;
        RateEntity const entity = rate_entity(
            scratch, token, hash_text(token.substr(0, token.find(':')), parts_.hash_key), nullptr,
            parts_.hash_key);
        ExplainStep* const s =
            co_await seed("ai_byte_budget", *parts_.ai_bytes, *parts_.stores.ai_bytes, entity);
        std::size_t const bytes = question_.data_size(out_.event.data);
        s->facts.emplace_back("charged_bytes", std::to_string(bytes + kAiRecordOverhead));
        if (!request().ai_budget(out_.event, bytes)) co_return true;
        s->verdict = Verdict::Ended;
        s->reason = "the token is over its budget of AI bytes";
        s->facts.emplace_back("cause", model::cause(model::DropReason::AiByteRateLimited));
        out_.dropped = model::DropReason::AiByteRateLimited;
        co_return false;
    }

    base::Task<void> rate_limit() {
        if (!parts_.rate_applies) {
            step("global_rate_limit", Verdict::Off, "the global rate limiter is not in force");
            co_return;
        }
        std::string scratch;
        std::string_view const token = question_.token;
        RateEntity const entity = rate_entity(
            scratch, token, hash_text(token.substr(0, token.find(':')), parts_.hash_key),
            &out_.event.distinct_id, parts_.hash_key);
        ExplainStep* const s =
            co_await seed("global_rate_limit", *parts_.rate, *parts_.stores.rate_limit, entity);
        bool const was_off = out_.event.stamps.person_processing_off;
        if (request().rate_limit(out_.event)) {
            s->verdict = Verdict::Marked;
            s->reason =
                "over its threshold: no person processing, and overflow for ordinary events";
        } else if (was_off) {
            s->reason = "charged, but a restriction has turned person processing off already";
        }
    }

    void overflow() {
        model::Stamps const before = out_.event.stamps;
        request().overflow(out_.event);
        const model::Stamps& after = out_.event.stamps;
        if (before.force_overflow) {
            step("partition_overflow", Verdict::Marked, "a restriction forces overflow");
        } else if (!parts_.settings.overflow.enabled) {
            step("partition_overflow", Verdict::Off, "OVERFLOW_ENABLED is false");
        } else if (after.overflow == model::OverflowReason::ForcedKey) {
            step("partition_overflow", Verdict::Marked,
                 "INGESTION_FORCE_OVERFLOW_BY_TOKEN_DISTINCT_ID names the token or key");
        } else if (!parts_.overflow.has_bucket(out_.event.kind)) {
            step("partition_overflow", Verdict::Off,
                 "not forced, and events of this kind have no token bucket");
        } else {
            out_.bucket_may_overflow = true;
            auto& s =
                step("partition_overflow", Verdict::Passed,
                     "not forced; how full the key's bucket is only the running process knows");
            s.facts = {{"per_second", std::to_string(parts_.settings.overflow.per_second)},
                       {"burst", std::to_string(parts_.settings.overflow.burst)}};
        }
    }

    void replay_overflow() {
        bool const forced = out_.event.stamps.force_overflow;
        if (!forced && !primary_trouble_.empty()) {
            step("replay_overflow", Verdict::Off, primary_trouble_ + ", so no session overflows");
            return;
        }
        request().replay_overflow(out_.event);
        bool const listed = out_.event.stamps.overflow == model::OverflowReason::ReplayLimited;
        step("replay_overflow", forced || listed ? Verdict::Marked : Verdict::Passed,
             forced   ? "a restriction forces overflow"
             : listed ? "the session is in the overflow set"
                      : "the session is not in the overflow set");
    }

    base::IoContext context_;
    std::unique_ptr<Limits> limits_;
    Parts& parts_;
    WorkerLimits worker_;
    const ExplainQuestion& question_;
    Explanation& out_;
    std::string primary_trouble_, restrictions_trouble_;
};

std::expected<Explanation, std::string> explain(const config::Settings& settings,
                                                const ExplainQuestion& question,
                                                telemetry::Logger& logger,
                                                const base::Clock& clock) {
    Explanation out;
    out.arena = std::make_unique<base::Arena>();
    telemetry::Registry registry("explain", config::to_text(settings.mode));
    auto limits = Limits::create(settings, registry, logger, clock);
    if (!limits) return std::unexpected(limits.error());
    Explainer explainer(std::move(*limits), question, out);
    run(explainer.context(), explainer.answer());
    return out;
}

}  // namespace capture::limits
