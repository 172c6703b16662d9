// The price of the limits on the request path. Aim: 0.3 µs of CPU per event with a million live
// keys in the rate limiter and ten thousand restriction entries.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "limits/limits.h"
#include "limits/overflow.h"
#include "limits/rate_limiter.h"
#include "limits/restrictions.h"

namespace capture::limits {
namespace {

struct Ids {
    explicit Ids(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            texts.push_back("0189d2a4-7c3e-7b2f-9a51-" +
                            std::to_string(1'000'000'000'000 + i * 7'919));
        }
    }
    std::vector<std::string> texts;
};

void evaluate(benchmark::State& state) {
    static base::SystemClock clock;
    static telemetry::Registry registry("capture", "events");
    static Probe probe(registry);
    static HashKey const key = HashKey::random();
    static Ids const ids(1'000'000);
    static RateLimiter limiter(
        event_rate_options({}, config::Mode::Events, telemetry::Logger::silent()), {}, key, probe,
        telemetry::Logger::silent(), clock);
    auto const thresholds = limiter.thresholds().load();
    std::string const token = "phc_0123456789abcdefghijklmnopqrstuvwxyz";
    std::uint64_t const token_hash = hash_text(token, key);
    auto const one = [&](const std::string& id, const RateMoment& now) {
        RateEntity entity;
        entity.token = token;
        entity.rest = entity_part(id);
        entity.token_hash = token_hash;
        entity.hash = hash_pair(token_hash, entity.rest, key);
        return limiter.evaluate(*thresholds, entity, 1, now);
    };
    RateMoment const now = limiter.moment();
    if (state.thread_index() == 0 && limiter.cache().size() == 0) {
        for (const std::string& id : ids.texts)
            one(id, now);
        std::vector<RateCache::Write> writes;
        std::vector<RateCache::Sync> syncs;
        RateStats stats;
        limiter.cache().drain(writes, syncs, stats);
        limiter.cache().written(writes.size());
        limiter.cache().synced(syncs.size());
    }
    std::size_t const hot = static_cast<std::size_t>(state.range(0));
    std::uint64_t at = 0x9e3779b97f4a7c15u * static_cast<std::uint64_t>(state.thread_index() + 1);
    for (auto _ : state) {
        at = at * 6364136223846793005u + 1442695040888963407u;
        benchmark::DoNotOptimize(one(ids.texts[(at >> 33) % hot], now));
    }
    state.counters["bytes_per_key"] =
        static_cast<double>(limiter.cache().memory()) / static_cast<double>(limiter.cache().size());
}
BENCHMARK(evaluate)
    ->Name("rate_limit/keys_in_use")
    ->Arg(100)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->ThreadRange(1, 2);

void admit(benchmark::State& state) {
    base::SystemClock clock;
    telemetry::Registry registry("capture", "events");
    config::Settings settings;
    settings.overflow.enabled = true;
    settings.overflow.per_second = settings.overflow.burst = 1'000'000'000;
    settings.redis.rate_limit.url = "redis://127.0.0.1:1";
    settings.rate_limit.enabled = true;
    settings.restrictions.enabled = true;
    settings.dropped_keys = "other:id";
    auto const limits =
        Limits::create(settings, registry, telemetry::Logger::silent(), clock).value();
    WorkerLimits worker = limits->worker();
    Ids const ids(1'000'000);
    base::Arena arena;
    std::vector<model::Event> events(50);
    std::string const token = "phc_0123456789abcdefghijklmnopqrstuvwxyz";
    auto const now = clock.now();
    std::uint64_t at = 1;
    auto const request = [&] {
        for (model::Event& event : events) {
            at = at * 6364136223846793005u + 1442695040888963407u;
            event.distinct_id = ids.texts[(at >> 33) % ids.texts.size()];
            event.name = "$pageview";
            event.stamps = {};
        }
        RequestLimits r = worker.request(token, now);
        benchmark::DoNotOptimize(r.admit(events, arena, nullptr));
    };
    for (int i = 0; i < 60'000; ++i)
        request();
    for (auto _ : state)
        request();
    state.SetItemsProcessed(state.iterations() * 50);
}
BENCHMARK(admit)->Name("admit/50_events_of_1M_keys");

void restrictions(benchmark::State& state) {
    std::vector<Restriction> rules;
    auto const count = static_cast<std::size_t>(state.range(0));
    bool const one_token = state.range(1) != 0;
    for (std::size_t i = 0; i < count; ++i) {
        Restriction& rule = rules.emplace_back();
        rule.token = one_token ? "token" : "token" + std::to_string(i);
        rule.pipelines = 1;
        rule.type = RestrictionType::SkipPersonProcessing;
        rule.distinct_ids = {"user-" + std::to_string(i)};
    }
    auto const table = RestrictionTable::make(std::move(rules));
    std::string const token = one_token ? "token" : "token77";
    for (auto _ : state) {
        const TokenRules* const of = table->of(token);
        benchmark::DoNotOptimize(of->by_pipeline[0].match({"user-42", "", "$pageview", ""}));
    }
}
BENCHMARK(restrictions)
    ->Name("restrictions/entries/one_token")
    ->Args({10'000, 0})
    ->Args({10'000, 1});

void buckets(benchmark::State& state) {
    base::SystemClock clock;
    KeyBuckets all(1'000'000, 1'000'000, clock);
    HashKey const key;
    std::uint64_t at = 1;
    for (auto _ : state) {
        at = at * 6364136223846793005u + 1442695040888963407u;
        benchmark::DoNotOptimize(all.take(hash_text(std::to_string((at >> 33) % 1'000'000), key)));
    }
}
BENCHMARK(buckets)->Name("overflow_bucket/1M_keys");

}  // namespace
}  // namespace capture::limits
