#include "limits/rate_limiter.h"

#include <gtest/gtest.h>

#include <random>

#include "limits/ai_byte_budget.h"
#include "limits/redis/memory_store.h"
#include "limits/testing.h"

namespace capture::limits {
namespace {

using std::chrono::milliseconds;
using testing::wait;

struct Rates : ::testing::Test {
    base::IoContext context;
    base::ManualClock clock{{1'700'000'000, 0}};  // 20 s into a window of 60 s
    telemetry::Registry registry{"capture", "events"};
    Probe probe{registry};
    redis::MemoryStore store;
    config::RateLimitSettings settings = [] {
        config::RateLimitSettings s;
        s.threshold = 10;
        return s;
    }();
    ThresholdList overrides;
    HashKey key = HashKey::random();
    std::unique_ptr<RateLimiter> limiter;

    std::unique_ptr<RateLimiter> build() {
        return std::make_unique<RateLimiter>(
            event_rate_options(settings, config::Mode::Events, telemetry::Logger::silent()),
            overrides, key, probe, telemetry::Logger::silent(), clock);
    }
    RateEntity entity(std::string_view token, std::string_view id) const {
        RateEntity e;
        e.token = token;
        e.rest = entity_part(id);
        e.token_hash = hash_text(token, key);
        e.hash = hash_pair(e.token_hash, e.rest, key);
        return e;
    }
    bool limited(RateLimiter& which, std::string_view token, std::string_view id,
                 std::uint64_t count = 1) {
        return which.evaluate(*which.thresholds().load(), entity(token, id), count, which.moment());
    }
    bool limited(std::string_view id, std::uint64_t count = 1) {
        if (!limiter) limiter = build();
        return limited(*limiter, "t", id, count);
    }
    int passed(int n, std::string_view id) {
        int count = 0;
        for (int i = 0; i < n; ++i)
            count += !limited(id);
        return count;
    }
    void tick() {
        clock.advance(milliseconds(1000));
        wait(context, limiter->tick(store));
    }
    std::string redis_key(std::string_view id, std::int64_t epoch) const {
        return "@ph/grl/capture/tok_distid/events:t:" + std::string(id) + ":" +
               std::to_string(epoch);
    }
    double errors(const char* step, const char* cause, const char* redis = "") {
        return registry.counters(metrics::kEngineErrors)
            .with({"events_tok_distid", step, cause, redis})
            .value();
    }
    double evals(const char* result) {
        return registry.counters(metrics::kEvals).with({"events_tok_distid", result}).value();
    }
    static constexpr std::int64_t kEpoch = 1'700'000'000 / 60;
};

/// Whether a line of that name has the scope and each of the labels, `name{label=value,…`.
bool exported(const std::string& text, std::string_view series) {
    auto const brace = series.find('{');
    std::string const name = "\nglobal_rate_limiter_" + std::string(series.substr(0, brace)) + "{";
    for (auto at = text.find(name); at != text.npos; at = text.find(name, at + 1)) {
        std::string_view const line =
            std::string_view(text).substr(at + 1, text.find('\n', at + 1) - at - 1);
        bool all = line.find("scope=\"events_tok_distid\"") != line.npos;
        std::string_view left = series.substr(brace + 1);
        while (!left.empty()) {
            auto const pair = left.substr(0, left.find(','));
            left.remove_prefix(std::min(left.size(), pair.size() + 1));
            auto const equals = pair.find('=');
            std::string const label = std::string(pair.substr(0, equals)) + "=\"" +
                                      std::string(pair.substr(equals + 1)) + "\"";
            all = all && line.find(label) != line.npos;
        }
        if (all) return true;
    }
    return false;
}

TEST_F(Rates, LimitsFromTheThresholdOn) {
    EXPECT_EQ(passed(20, "u"), 9);
    EXPECT_EQ(passed(5, "other"), 5);
}

TEST_F(Rates, AlwaysAllowsTheFirstEventOfAKey) {
    settings.threshold = 0;
    EXPECT_EQ(passed(5, "a"), 1);
    settings.threshold = 1;
    limiter.reset();
    EXPECT_EQ(passed(5, "a"), 1);
    EXPECT_FALSE(limited("b", 1000));
    EXPECT_TRUE(limited("b"));
}

TEST_F(Rates, WritesCountsOncePerTickWithAnAbsoluteExpiry) {
    passed(20, "u");
    passed(3, "v");
    auto const runs = store.runs;
    tick();
    EXPECT_EQ(*store.find(redis_key("u", kEpoch)), "20");
    EXPECT_EQ(*store.find(redis_key("v", kEpoch)), "3");
    EXPECT_LE(store.runs, runs + 2);
    auto const expiry = store.expiry(redis_key("u", kEpoch));
    EXPECT_GE(expiry, (kEpoch + 2) * 60);
    EXPECT_LT(expiry, (kEpoch + 3) * 60);
    auto const before = store.runs;
    tick();
    EXPECT_EQ(store.runs, before);
    EXPECT_EQ(evals("allowed"), 9 + 3);
    EXPECT_EQ(evals("limited"), 11);
}

TEST_F(Rates, TheEstimateBlendsTheWindowsAndLeaks) {
    settings.threshold = 100;
    settings.min_sync_floor = 0;
    store.set(redis_key("u", kEpoch), "10");
    store.set(redis_key("u", kEpoch - 1), "120");
    limited("u");
    clock.advance(milliseconds(9'000));
    tick();  // now 30 s into the window: 120 / 2 + 10 + the one just written
    auto const level = [&] {
        return *limiter->cache().level(entity("t", "u").hash, 100, limiter->moment());
    };
    EXPECT_DOUBLE_EQ(level(), 71);
    clock.advance(milliseconds(6'000));
    EXPECT_DOUBLE_EQ(level(), 61);
    clock.advance(milliseconds(100'000));
    EXPECT_DOUBLE_EQ(level(), 0);
}

TEST_F(Rates, CountsOfOtherProcessesLimit) {
    store.set(redis_key("u", kEpoch), "1000");
    EXPECT_FALSE(limited("u"));
    EXPECT_FALSE(limited("u"));
    tick();
    EXPECT_TRUE(limited("u"));
}

TEST_F(Rates, TwoProcessesEnforceTheFleetsThresholdTogether) {
    // 12 events a second each: 720 in a window of one process, 1440 of both.
    settings.threshold = 1000;
    auto first = build();
    auto second = build();
    auto const minutes = [&](int n, bool both) {
        int refused = 0;
        for (int s = 0; s < n * 60; ++s) {
            for (int i = 0; i < 12; ++i) {
                refused += limited(*first, "t", "u");
                if (both) refused += limited(*second, "t", "u");
            }
            clock.advance(milliseconds(1000));
            wait(context, first->tick(store));
            wait(context, second->tick(store));
        }
        return refused;
    };
    EXPECT_EQ(minutes(5, false), 0);
    EXPECT_GT(minutes(3, true), 0);
    EXPECT_EQ(minutes(1, true), 1440);
}

TEST_F(Rates, UsesTheFirst128CharactersOfADistinctId) {
    std::string const base(127, 'x');
    std::string const left = base + "é" + "1";
    std::string const right = base + "é" + "2";
    EXPECT_EQ(entity_part(left), base + "é");
    settings.threshold = 2;
    EXPECT_FALSE(limited(left));
    EXPECT_TRUE(limited(right));
    EXPECT_EQ(entity_part("short"), "short");
    EXPECT_EQ(entity_part(std::string(128, 'a')).size(), 128u);
    EXPECT_EQ(entity_part(std::string(129, 'a')).size(), 128u);
}

TEST_F(Rates, CustomThresholdsGoFromKeyToTokenToGlobal) {
    overrides = parse_thresholds_csv(" t = 5 , t:special=2,bad,=3,x=-1,y=1.5,z=", "X",
                                     telemetry::Logger::silent());
    EXPECT_EQ(overrides.size(), 2u);
    EXPECT_EQ(passed(10, "u"), 4);
    EXPECT_EQ(passed(10, "special"), 1);
    int other = 0;
    for (int i = 0; i < 20; ++i)
        other += !limited(*limiter, "other", "u");
    EXPECT_EQ(other, 9);
}

TEST_F(Rates, DryRunsReportAndAllow) {
    settings.dry_run = true;
    overrides = {{"t", 3}};
    EXPECT_EQ(passed(10, "u"), 10);
    EXPECT_EQ(probe.dry_run.with({"custom"}).value(), 8);
    EXPECT_EQ(probe.dry_run.with({"global"}).value(), 0);
    tick();
    EXPECT_EQ(*store.find(redis_key("u", kEpoch)), "10");
}

TEST_F(Rates, DoesNotReadKeysBelowTheFloor) {
    settings.threshold = 1000;
    passed(10, "u");
    tick();
    EXPECT_EQ(
        registry.counters(metrics::kRecords).with({"events_tok_distid", "redis_read", "0"}).value(),
        0);
    EXPECT_EQ(
        registry.counters(metrics::kSyncSkipped).with({"events_tok_distid", "below_floor"}).value(),
        9);
    passed(1, "u");
    tick();
    EXPECT_EQ(
        registry.counters(metrics::kRecords).with({"events_tok_distid", "redis_read", "0"}).value(),
        2);
}

TEST_F(Rates, LosesCountsThatCannotBeWrittenAndSaysSo) {
    passed(5, "u");
    store.failing = redis::Failure::Unreachable;
    tick();
    EXPECT_EQ(errors("pipeline", "redis_write", "0"), 1);
    EXPECT_EQ(errors("pipeline", "redis_error", "0"), 1);
    store.failing = redis::Failure::Timeout;
    passed(5, "u");
    tick();
    EXPECT_EQ(errors("pipeline", "write_timeout", "0"), 1);
    EXPECT_EQ(errors("pipeline", "read_timeout", "0"), 1);
    store.failing.reset();
    tick();
    EXPECT_EQ(store.find(redis_key("u", kEpoch)), nullptr);
}

TEST_F(Rates, WaivesLimitsWhenReadsHaveFailedForTooLong) {
    store.failing = redis::Failure::Unreachable;
    passed(20, "u");
    tick();
    EXPECT_TRUE(limited("u"));
    for (int i = 0; i < 59; ++i) {
        EXPECT_TRUE(limited("u")) << i;
        tick();
    }
    EXPECT_TRUE(limited("u"));
    tick();
    EXPECT_FALSE(limited("u"));
    tick();
    EXPECT_EQ(registry.counters(metrics::kOutageSkipped).with({"events_tok_distid"}).value(), 1);
    EXPECT_GE(registry.gauges(metrics::kReadFailing).with({"events_tok_distid", "0"}).value(), 60);
    store.failing.reset();
    limited("u");
    tick();
    EXPECT_EQ(registry.gauges(metrics::kReadFailing).with({"events_tok_distid", "0"}).value(), 0);
}

TEST_F(Rates, TheGuardCanBeTurnedOff) {
    settings.max_read_outage_secs = 0;
    store.failing = redis::Failure::Unreachable;
    passed(20, "u");
    for (int i = 0; i < 100; ++i) {
        tick();
        ASSERT_TRUE(limited("u"));
    }
}

TEST_F(Rates, DefersWhatATickMayNotCarry) {
    settings.max_sync_keys_per_tick = 3;
    settings.max_keys_per_command = 2;
    for (int i = 0; i < 8; ++i)
        limited("u" + std::to_string(i));
    tick();
    EXPECT_EQ(store.size(), 3u);
    EXPECT_EQ(registry.gauges(metrics::kWriteDeferred).with({"events_tok_distid"}).value(), 5);
    for (int i = 0; i < 8; ++i)
        limited("u" + std::to_string(i));
    for (int i = 0; i < 5; ++i)
        tick();
    EXPECT_EQ(store.size(), 8u);
    std::int64_t total = 0;
    for (int i = 0; i < 8; ++i)
        total += std::stoll(*store.find(redis_key("u" + std::to_string(i), kEpoch)));
    EXPECT_EQ(total, 16);
}

TEST_F(Rates, PurgesCountsOfOldEpochs) {
    settings.max_sync_keys_per_tick = 1;
    for (int i = 0; i < 4; ++i)
        limited("u" + std::to_string(i));
    tick();
    clock.advance(milliseconds(120'000));
    tick();
    EXPECT_EQ(errors("pipeline", "stale_epoch_purged"), 3);
    EXPECT_EQ(store.size(), 1u);
}

TEST_F(Rates, CountsUpdatesThatFindNoRoom) {
    settings.max_write_batch_entries = 2;
    settings.max_pending_sync_entries = 1;
    settings.min_sync_floor = 0;
    for (int i = 0; i < 5; ++i)
        limited("u" + std::to_string(i));
    limited("u0");
    tick();
    EXPECT_EQ(errors("enqueue_update", "write_batch_full"), 3);
    EXPECT_EQ(errors("queue_sync", "pending_sync_full"), 4);
    EXPECT_EQ(*store.find(redis_key("u0", kEpoch)), "2");
    limited("u3");
    tick();
    EXPECT_EQ(*store.find(redis_key("u3", kEpoch)), "1");
}

TEST_F(Rates, ForgetsIdleKeys) {
    passed(20, "u");
    EXPECT_TRUE(limited("u"));
    clock.advance(milliseconds(300'000));
    EXPECT_FALSE(limited("u"));
    clock.advance(milliseconds(300'000));
    for (int i = 0; i < 31; ++i)
        tick();
    EXPECT_EQ(limiter->cache().size(), 0u);
    EXPECT_GE(registry.counters(metrics::kEvictions).with({"events_tok_distid", "expired"}).value(),
              2);
}

TEST_F(Rates, RotatingKeysForgivesNothing) {
    settings.threshold = 100;
    settings.cache_max_entries = 256 * 4;
    EXPECT_EQ(passed(200, "hot"), 99);
    std::mt19937 random(5);
    for (int i = 0; i < 20'000; ++i) {
        limited("r" + std::to_string(random()));
        if (i % 500 == 0) {
            EXPECT_TRUE(limited("hot")) << i;
        }
    }
    EXPECT_LE(limiter->cache().size(), 256u * 4);
    tick();
    EXPECT_GT(registry.counters(metrics::kEvictions).with({"events_tok_distid", "size"}).value(),
              0);
}

TEST_F(Rates, AKeyCostsWhatTheHeaderSays) {
    settings.cache_max_entries = 1 << 15;
    settings.max_write_batch_entries = settings.max_pending_sync_entries = 0;
    for (int i = 0; i < 200'000; ++i) {
        limited("r" + std::to_string(i));
        if (i >= 4096 && i % 1000 == 0) {
            auto const keys = limiter->cache().size();
            ASSERT_LE(keys, 1u << 15);
            ASSERT_LE(limiter->cache().memory(), keys * 170) << keys;
        }
    }
}

TEST_F(Rates, CacheTimesAreRaisedToTheWindow) {
    settings.cache_ttl_secs = 5;
    settings.cache_idle_secs = 7;
    auto const options =
        event_rate_options(settings, config::Mode::Ai, telemetry::Logger::silent());
    EXPECT_EQ(options.cache.idle_secs, 60u);
    EXPECT_EQ(options.scope, "ai_tok_distid");
    EXPECT_EQ(options.redis_prefix, "@ph/grl/capture/tok_distid/ai");
}

TEST_F(Rates, ReadsAFleetLevelForExplain) {
    limiter = build();
    store.set(redis_key("u", kEpoch), "10");
    store.set(redis_key("u", kEpoch - 1), "30");
    EXPECT_DOUBLE_EQ(*wait(context, limiter->read_level(store, "t:u")), 10 + 30 * (1 - 20.0 / 60));
}

struct DynamicThresholds : Rates {
    std::unique_ptr<ThresholdRefresher> refresher;
    void refresh() {
        if (!limiter) limiter = build();
        if (!refresher) {
            refresher = std::make_unique<ThresholdRefresher>("thresholds", "events_tok_distid", key,
                                                             probe, telemetry::Logger::silent(),
                                                             clock, limiter->thresholds());
        }
        wait(context, refresher->refresh(store));
    }
    double fetched(const char* result) { return probe.thresholds_fetch.with({result}).value(); }
};

TEST_F(DynamicThresholds, ReplaceTheCsvOnceRead) {
    overrides = {{"t", 3}, {"t:v", 4}};
    refresh();
    EXPECT_EQ(fetched("not_found"), 1);
    EXPECT_EQ(passed(10, "u"), 2);
    store.set("thresholds", R"({"t:u2":5})");
    refresh();
    EXPECT_EQ(fetched("success"), 1);
    EXPECT_EQ(passed(10, "u2"), 4);
    EXPECT_EQ(passed(20, "u3"), 9);
    store.erase("thresholds");
    refresh();
    EXPECT_EQ(passed(10, "u2"), 0);
    for (const char* bad :
         {"[]", R"({"a":-1})", R"({"a":"1"})", R"({"a":1.5})", R"({"a":null})", "x"}) {
        store.set("thresholds", bad);
        refresh();
    }
    EXPECT_EQ(fetched("parse_error"), 6);
    EXPECT_EQ(limiter->thresholds().load()->size(), 1u);
    store.failing = redis::Failure::Timeout;
    refresh();
    EXPECT_EQ(fetched("error"), 1);
    store.failing.reset();
    store.set("thresholds", "{}");
    refresh();
    EXPECT_EQ(limiter->thresholds().load()->size(), 0u);
}

TEST_F(DynamicThresholds, TellTheirAge) {
    auto const age = probe.snapshot_age.with({"custom_thresholds"});
    auto const failures = probe.refresh_failures.with({"custom_thresholds"});
    store.failing = redis::Failure::Timeout;
    refresh();
    EXPECT_EQ(age.value(), -1);
    EXPECT_EQ(failures.value(), 1);
    store.failing.reset();
    refresh();  // that there are none is known as well
    clock.advance(milliseconds(7'000));
    refresher->report_age();
    EXPECT_EQ(age.value(), 7);
    store.set("thresholds", "[]");
    refresh();
    refresher->report_age();
    EXPECT_EQ(age.value(), 7);
    EXPECT_EQ(failures.value(), 2);
    store.set("thresholds", "{}");
    refresh();
    EXPECT_EQ(age.value(), 0);
}

TEST_F(DynamicThresholds, EverySeriesOfTheContractIsExported) {
    settings.threshold = 2;
    settings.min_sync_floor = 1;
    store.set("thresholds", "{}");
    refresh();
    passed(3, "u");
    for (int i = 0; i < 30; ++i) {
        tick();
        limited("u");
    }
    clock.advance(milliseconds(120'000));  // what was counted is forgotten
    limited("u");
    tick();
    store.failing = redis::Failure::Timeout;
    clock.advance(milliseconds(60'000));
    passed(3, "u");
    tick();
    std::string const text = registry.expose();
    for (const char* series : {"eval_counts_total{result=allowed",
                               "eval_counts_total{result=limited",
                               "cache_counts_total{result=hit",
                               "cache_counts_total{result=miss",
                               "cache_counts_total{result=sync_queued",
                               "records_total{op=redis_read,redis_idx=0",
                               "records_total{op=redis_write,redis_idx=0",
                               "error_total{step=pipeline,cause=read_timeout,redis_idx=0",
                               "pipeline_ms_bucket{redis_idx=0",
                               "tick_ms_bucket{",
                               "pipeline_size_bucket{op=read",
                               "pipeline_size_bucket{op=write",
                               "commands_per_tick_bucket{op=read",
                               "commands_per_tick_bucket{op=write",
                               "pending_sync_size{",
                               "sync_deferred_size{",
                               "write_deferred_size{",
                               "sync_skipped_total{reason=below_floor",
                               "sync_tier_gauge{tier=idle",
                               "sync_tier_gauge{tier=low",
                               "sync_tier_gauge{tier=normal",
                               "sync_tier_gauge{tier=hot",
                               "tier_transitions_total{from=hot,to=normal",
                               "cache_size{",
                               "eviction_total{cause=size",
                               "eviction_total{cause=expired",
                               "estimate_drift_bucket{",
                               "sync_staleness_ms_bucket{",
                               "window_seconds{",
                               "outage_limit_skipped_total{",
                               "read_failing_seconds{redis_idx=0",
                               "custom_thresholds_loaded{",
                               "custom_thresholds_last_refresh_timestamp{"}) {
        EXPECT_TRUE(exported(text, series)) << series;
    }
    EXPECT_NE(text.find("global_rate_limiter_custom_thresholds_fetch_total{"), text.npos);
}

TEST_F(Rates, TheAiBudgetCountsBytesPerToken) {
    config::AiSettings ai;
    EXPECT_EQ(make_ai_byte_budget(ai, settings, config::Mode::Events, key, probe,
                                  telemetry::Logger::silent(), clock),
              nullptr);
    ai.byte_limit_per_second = 100;
    ai.byte_limit_overrides_csv = "rich=18446744073709551615";
    EXPECT_EQ(make_ai_byte_budget(ai, settings, config::Mode::Import, key, probe,
                                  telemetry::Logger::silent(), clock),
              nullptr);
    limiter = make_ai_byte_budget(ai, settings, config::Mode::Events, key, probe,
                                  telemetry::Logger::silent(), clock);
    auto const charge = [&](std::string_view token, std::uint64_t bytes) {
        RateEntity e;
        e.token = token;
        e.token_only = true;
        e.hash = e.token_hash = hash_text(token, key);
        return limiter->evaluate(*limiter->thresholds().load(), e, bytes, limiter->moment());
    };
    EXPECT_FALSE(charge("t", 50'000));
    EXPECT_TRUE(charge("t", 1));
    EXPECT_FALSE(charge("rich", 1'000'000'000));
    EXPECT_FALSE(charge("rich", 1'000'000'000));
    tick();
    EXPECT_EQ(*store.find("@ph/grl/capture/ai_bytes:t:" + std::to_string(kEpoch)), "50001");
    EXPECT_EQ(limiter->options().scope, "events_ai_bytes");
}

}  // namespace
}  // namespace capture::limits
