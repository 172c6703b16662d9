#include "limits/limits.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <random>

#include "limits/gather.h"
#include "limits/parts.h"
#include "model/output.h"

namespace capture::limits {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool has_topic(const config::Settings& settings, model::Output output) {
    auto const found = settings.outputs.by_name.find(model::name(output));
    return found != settings.outputs.by_name.end() && !found->second.topic.empty();
}

OverflowLimiter::Lanes overflow_lanes(const config::Settings& settings) {
    return {has_topic(settings, model::Output::AiOverflow),
            has_topic(settings, model::Output::ErrorTrackingOverflow)};
}

/// The check is off in any mode when its role has no Redis (contract 10 §8.1).
config::KnownTokensSettings known_token_settings(const config::Settings& settings) {
    config::KnownTokensSettings own = settings.known_tokens;
    std::string const& url = settings.redis.known_tokens.url;
    if (url.empty() || url == "none") own.mode = config::TokenValidation::Off;
    return own;
}

milliseconds interval(std::uint64_t count, std::uint64_t unit_ms) {
    return milliseconds(std::clamp<std::uint64_t>(count, 1, 1'000'000'000) * unit_ms);
}

base::Task<void> final_ticks(std::shared_ptr<Parts> parts) {
    if (parts->rate && parts->stores.rate_limit)
        co_await parts->rate->tick(*parts->stores.rate_limit);
    if (parts->ai_bytes && parts->stores.ai_bytes)
        co_await parts->ai_bytes->tick(*parts->stores.ai_bytes);
}

void report_ages(Parts& parts) {
    if (parts.stores.primary) {
        for (std::size_t i = 0; i < parts.quota_sets.size(); ++i)
            parts.quota_sets.set(i).report_age();
        if (parts.settings.mode == config::Mode::Recordings) parts.replay.set().report_age();
    }
    if (parts.settings.restrictions.enabled && parts.stores.restrictions)
        parts.restrictions.report_age();
    if (parts.thresholds && parts.stores.restrictions) parts.thresholds->report_age();
    parts.known_tokens->report_age();
}

void start_loops(const std::shared_ptr<Parts>& parts) {
    Housekeeping& loops = *parts->loops;
    const config::Settings& settings = parts->settings;
    Stores& stores = parts->stores;
    if (stores.primary) {
        for (std::size_t i = 0; i < parts->quota_sets.size(); ++i) {
            FollowedSet& set = parts->quota_sets.set(i);
            loops.every(set.key(), kSetRefreshInterval,
                        [parts, &set] { return set.refresh(*parts->stores.primary); });
        }
        if (settings.mode == config::Mode::Recordings) {
            loops.every(parts->replay.set().key(), kSetRefreshInterval,
                        [parts] { return parts->replay.set().refresh(*parts->stores.primary); });
        }
    }
    if (stores.restrictions && settings.restrictions.enabled) {
        loops.every("event_restrictions", interval(settings.restrictions.refresh_secs, 1000),
                    [parts] { return parts->restrictions.refresh(*parts->stores.restrictions); });
    }
    if (stores.restrictions && parts->thresholds) {
        loops.every("custom_thresholds",
                    interval(settings.rate_limit.custom_threshold_refresh_secs, 1000),
                    [parts] { return parts->thresholds->refresh(*parts->stores.restrictions); });
    }
    if (stores.known_tokens) {
        parts->known_tokens->attach(*parts->context, stores.known_tokens);
        loops.every("known_tokens_marker",
                    interval(settings.known_tokens.marker_refresh_secs, 1000),
                    [parts] { return parts->known_tokens->refresh_marker(); });
    }
    auto const tick = interval(settings.rate_limit.tick_interval_ms, 1);
    if (stores.rate_limit) {
        loops.every(
            "rate_limit", tick, [parts] { return parts->rate->tick(*parts->stores.rate_limit); },
            false);
    }
    if (stores.ai_bytes) {
        loops.every(
            "ai_bytes", tick, [parts] { return parts->ai_bytes->tick(*parts->stores.ai_bytes); },
            false);
    }
    auto const plain = [&loops, &parts](const char* name, milliseconds every, void (*run)(Parts&)) {
        loops.every(
            name, every,
            [parts, run]() {
                return [](std::shared_ptr<Parts> held, void (*step)(Parts&)) -> base::Task<void> {
                    step(*held);
                    co_return;
                }(parts, run);
            },
            false);
    };
    plain("snapshot_ages", seconds(1), report_ages);
    if (settings.overflow.enabled) {
        plain("partition_keys", seconds(10), [](Parts& p) { p.overflow.report(); });
        auto const purge = seconds(60 + std::random_device{}() % 10);
        plain("partition_purge", purge, [](Parts& p) { p.overflow.purge(); });
    }
}

std::vector<std::string> problems_of(const config::Settings& settings) {
    std::vector<std::string> problems = check_urls(settings.redis);
    if (settings.rate_limit.enabled && settings.rate_limit.window_secs == 0) {
        problems.push_back("GLOBAL_RATE_LIMIT_WINDOW_INTERVAL_SECS: must not be 0");
    }
    if (settings.ai.byte_limit_per_second > 0 && settings.ai.byte_limit_window_secs == 0) {
        problems.push_back("AI_BYTE_LIMIT_WINDOW_INTERVAL_SECS: must not be 0");
    }
    if (settings.mode == config::Mode::Import && settings.overflow.enabled &&
        overflow_lanes(settings).ai) {
        problems.push_back(
            "CAPTURE_OUTPUT_AI_OVERFLOW_TOPIC: must not be set with CAPTURE_MODE=import");
    }
    return problems;
}

}  // namespace

void open_stores(Parts& parts) {
    const config::Settings& settings = parts.settings;
    RedisClients& clients = *parts.clients;
    bool const dedicated = !settings.redis.rate_limit_shares_primary;
    if (settings.mode != config::Mode::Logs)
        parts.stores.primary = clients.open("primary", settings.redis.primary);
    if (settings.restrictions.enabled || parts.thresholds) {
        parts.stores.restrictions = clients.open("restrictions", settings.redis.restrictions);
    }
    if (parts.known_tokens->enabled()) {
        parts.stores.known_tokens = clients.open("known_tokens", settings.redis.known_tokens);
    }
    if (parts.rate)
        parts.stores.rate_limit = clients.open("rate_limit", settings.redis.rate_limit, dedicated);
    if (parts.ai_bytes)
        parts.stores.ai_bytes = clients.open("ai_bytes", settings.redis.rate_limit, dedicated);
}

Parts::Parts(const config::Settings& s, telemetry::Registry& registry, telemetry::Logger& l,
             const base::Clock& c)
    : settings(s),
      logger(l),
      clock(c),
      probe(registry),
      dropper(settings.dropped_keys, logger),
      quota(settings.mode, probe),
      quota_sets(settings.mode, settings.redis.key_prefix, probe, logger, clock),
      replay(settings.redis.key_prefix, probe, logger, clock),
      restrictions(settings.restrictions, settings.mode, probe, logger, clock),
      known_tokens(std::make_shared<KnownTokens>(known_token_settings(settings), probe, clock)),
      overflow(settings.overflow, overflow_lanes(settings), hash_key, probe, clock),
      rate_limited(probe.rate_limited.with({"global_rate_limit_token_distinctid"})),
      rerouted_by_restriction(probe.rerouted.with({"event_restriction"})) {
    // Without a Redis the role is off (decision 39): counts of one process alone would limit
    // wrongly for ever.
    bool const fleet =
        !settings.redis.rate_limit.url.empty() && settings.redis.rate_limit.url != "none";
    if (fleet && settings.rate_limit.enabled) {
        rate = std::make_unique<RateLimiter>(
            event_rate_options(settings.rate_limit, settings.mode, logger),
            parse_thresholds_csv(settings.rate_limit.overrides_csv,
                                 "GLOBAL_RATE_LIMIT_TOKEN_DISTINCTID_OVERRIDES_CSV", logger),
            hash_key, probe, logger, clock);
        rate_applies = settings.mode == config::Mode::Events || settings.mode == config::Mode::Ai;
        const std::string& key = settings.rate_limit.custom_threshold_key;
        if (!key.empty()) {
            thresholds = std::make_unique<ThresholdRefresher>(
                key, rate->options().scope, hash_key, probe, logger, clock, rate->thresholds());
        }
    }
    if (fleet)
        ai_bytes = make_ai_byte_budget(settings.ai, settings.rate_limit, settings.mode, hash_key,
                                       probe, logger, clock);
    for (std::size_t p = 0; p < kRestrictionPipelines; ++p) {
        if (!((served_pipelines(settings.mode) >> p) & 1)) continue;
        const char* const pipeline = to_text(static_cast<RestrictionPipeline>(p));
        stale[p] = probe.restrictions_stale.with({pipeline});
        for (std::size_t t = 0; t < kRestrictionTypes; ++t) {
            applied[t * kRestrictionPipelines + p] = probe.restrictions_applied.with(
                {to_text(static_cast<RestrictionType>(t)), pipeline});
        }
    }
}

std::expected<std::unique_ptr<Limits>, std::string> Limits::create(const config::Settings& settings,
                                                                   telemetry::Registry& registry,
                                                                   telemetry::Logger& logger,
                                                                   const base::Clock& clock) {
    std::string text;
    for (const std::string& problem : problems_of(settings))
        text += (text.empty() ? "" : "; ") + problem;
    if (!text.empty()) return std::unexpected(std::move(text));
    return std::unique_ptr<Limits>(
        new Limits(std::make_shared<Parts>(settings, registry, logger, clock)));
}

Limits::Limits(std::shared_ptr<Parts> parts) : parts_(std::move(parts)) {}
Limits::~Limits() = default;

WorkerLimits Limits::worker() {
    return WorkerLimits(*parts_);
}

void Limits::start(base::IoContext& housekeeping) {
    if (parts_->started.exchange(true)) return;
    parts_->context = &housekeeping;
    base::asio::post(housekeeping, [parts = parts_] {
        parts->clients =
            std::make_unique<RedisClients>(*parts->context, parts->settings.redis.tls_ca_file,
                                           parts->probe, parts->logger, parts->clock);
        parts->loops = std::make_unique<Housekeeping>(*parts->context, parts->logger);
        open_stores(*parts);
        start_loops(parts);
    });
}

void Limits::stop(std::chrono::milliseconds limit) {
    if (!parts_->started.exchange(false)) return;
    parts_->known_tokens->detach();
    auto ended = std::make_shared<std::promise<void>>();
    auto const waiting = ended->get_future();
    base::asio::post(*parts_->context, [parts = parts_, ended] {
        parts->loops->stop([parts, ended] {
            base::asio::co_spawn(*parts->context, final_ticks(parts),
                                 [parts, ended](std::exception_ptr) {
                                     parts->clients->close();
                                     ended->set_value();
                                 });
        });
    });
    if (waiting.wait_for(limit) == std::future_status::ready) return;
    parts_->logger.warn("capture::limits",
                        "Redis did not answer in time at shutdown, the last counts may be lost");
    base::asio::post(*parts_->context, [parts = parts_] { parts->clients->close(); });
    waiting.wait_for(milliseconds(200));
}

base::Task<void> Limits::refresh_all() {
    auto const parts = parts_;
    Stores& stores = parts->stores;
    std::vector<Housekeeping::Body> all;
    if (stores.primary) {
        for (std::size_t i = 0; i < parts->quota_sets.size(); ++i) {
            all.push_back(
                [parts, i] { return parts->quota_sets.set(i).refresh(*parts->stores.primary); });
        }
        if (parts->settings.mode == config::Mode::Recordings) {
            all.push_back([parts] { return parts->replay.set().refresh(*parts->stores.primary); });
        }
    }
    if (stores.restrictions && parts->settings.restrictions.enabled) {
        all.push_back([parts] { return parts->restrictions.refresh(*parts->stores.restrictions); });
    }
    if (stores.restrictions && parts->thresholds) {
        all.push_back([parts] { return parts->thresholds->refresh(*parts->stores.restrictions); });
    }
    if (stores.known_tokens)
        all.push_back([parts] { return parts->known_tokens->refresh_marker(); });
    if (stores.rate_limit)
        all.push_back([parts] { return parts->rate->tick(*parts->stores.rate_limit); });
    if (stores.ai_bytes)
        all.push_back([parts] { return parts->ai_bytes->tick(*parts->stores.ai_bytes); });
    std::function<base::Task<void>(std::size_t)> const start = [&all](std::size_t i) {
        return all[i]();
    };
    co_await gather(all.size(), all.size() + 1, start);
}

}  // namespace capture::limits
