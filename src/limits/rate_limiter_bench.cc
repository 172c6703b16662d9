// The price of the limits on the request path, in time and in memory. Aim: 0.3 µs of CPU per event
// with a million live keys in the rate limiter and ten thousand restriction entries: what `admit`
// with limits on takes per event more than with limits off.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/counted.h"
#include "limits/expiring_set.h"
#include "limits/limits.h"
#include "limits/overflow.h"
#include "limits/parts.h"
#include "limits/rate_limiter.h"
#include "limits/redis/memory_store.h"
#include "limits/restrictions.h"

namespace capture::limits {
namespace {

constexpr base::Instant kNow{1'788'264'000, 0};

/// Distinct ids one after another in memory, as in a request body that has just been parsed: what
/// is measured is the limits' own memory, not the benchmark's.
struct Ids {
    /// `count` ids in random order, each of `keys` different ones equally often.
    Ids(std::size_t count, std::size_t keys) {
        std::vector<std::size_t> numbers(count);
        for (std::size_t i = 0; i < count; ++i)
            numbers[i] = i % keys;
        std::shuffle(numbers.begin(), numbers.end(), std::mt19937_64(7));
        for (std::size_t const number : numbers) {
            text += "0189d2a4-7c3e-7b2f-9a51-" + std::to_string(1'000'000'000'000 + number * 7'919);
        }
    }
    std::string_view operator[](std::size_t i) const {
        return std::string_view(text).substr(i * kSize, kSize);
    }
    std::size_t size() const { return text.size() / kSize; }

    static constexpr std::size_t kSize = 37;
    std::string text;
};

/// The background task's part, about once a second.
constexpr std::size_t kEventsPerTick = 100'000;
void take_away(RateCache& cache) {
    std::vector<RateCache::Write> writes;
    std::vector<RateCache::Sync> syncs;
    RateStats stats;
    cache.drain(writes, syncs, stats);
    cache.written(writes.size());
    cache.synced(syncs.size());
}

void evaluate(benchmark::State& state) {
    base::ManualClock const clock(kNow);
    telemetry::Registry registry("capture", "events");
    Probe probe(registry);
    HashKey const key;
    auto const keys = static_cast<std::size_t>(state.range(0));
    Ids const ids(std::max<std::size_t>(keys, 100'000), keys);
    RateLimiter limiter(event_rate_options({}, config::Mode::Events, telemetry::Logger::silent()),
                        {}, key, probe, telemetry::Logger::silent(), clock);
    auto const thresholds = limiter.thresholds().load();
    std::string const token = "phc_0123456789abcdefghijklmnopqrstuvwxyz";
    std::uint64_t const token_hash = hash_text(token, key);
    RateMoment const now = limiter.moment();
    auto const one = [&](std::string_view id) {
        RateEntity entity;
        entity.token = token;
        entity.rest = entity_part(id);
        entity.token_hash = token_hash;
        entity.hash = hash_pair(token_hash, entity.rest, key);
        return limiter.evaluate(*thresholds, entity, 1, now);
    };
    auto const drain = [&] { take_away(limiter.cache()); };
    for (std::size_t i = 0; i < ids.size(); ++i) {
        one(ids[i]);
        if (i % kEventsPerTick == 0) drain();
    }
    drain();
    state.counters["bytes_per_key"] =
        static_cast<double>(limiter.cache().memory()) / static_cast<double>(limiter.cache().size());
    std::size_t i = 0;
    bool limited = false;
    for (auto _ : state) {
        limited |= one(ids[i]);
        if (++i % kEventsPerTick == 0) {
            state.PauseTiming();
            drain();
            if (i == ids.size()) i = 0;
            state.ResumeTiming();
        }
    }
    if (limited || limiter.cache().size() != keys)
        state.SkipWithError("limited, or keys are missing");
}
BENCHMARK(evaluate)->Name("rate_limit/live_keys")->Arg(1000)->Apply(base::counted<5000>);
BENCHMARK(evaluate)->Name("rate_limit/live_keys")->Arg(100'000)->Arg(1'000'000);

constexpr std::size_t kRestrictionEntries = 10'000;

/// Half of the entries are for other tokens, half for this one, by distinct_ids that some of its
/// events have and by names that none has.
std::string restriction_entries(const std::string& token, const Ids& ids) {
    std::string json = "[";
    for (std::size_t i = 0; i < kRestrictionEntries; ++i) {
        bool const other = i % 2 == 0;
        json += json.size() > 1 ? "," : "";
        json += R"({"version":2,"pipelines":["analytics"],"token":")" + token;
        json += other ? "-" + std::to_string(i) + R"(")" : R"(")";
        json += R"(,"distinct_ids":[")" + std::string(ids[i % ids.size()]) + R"("])";
        json += i % 4 == 1 ? R"(,"event_names":["other"]})" : "}";
    }
    return json + "]";
}

void load_restrictions(Parts& parts, std::string entries) {
    base::IoContext context;
    redis::MemoryStore store;
    store.set(redis_key(RestrictionType::SkipPersonProcessing), std::move(entries));
    base::asio::co_spawn(context, parts.restrictions.refresh(store), [](std::exception_ptr) {});
    context.run();
}

void admit(benchmark::State& state) {
    base::ManualClock const clock(kNow);
    telemetry::Registry registry("capture", "events");
    config::Settings settings;
    bool const on = state.range(0) != 0;
    settings.overflow.enabled = on && state.range(1) != 0;
    settings.overflow.per_second = settings.overflow.burst = 1'000'000'000;
    settings.redis.rate_limit.url = "redis://127.0.0.1:1";
    settings.rate_limit.enabled = on;
    settings.restrictions.enabled = on;
    if (on) settings.dropped_keys = "other:id";
    auto const limits =
        Limits::create(settings, registry, telemetry::Logger::silent(), clock).value();
    Parts& parts = Inside::parts(*limits);
    auto const keys = static_cast<std::size_t>(state.range(2));
    Ids const ids(keys, keys);
    std::string const token = "phc_0123456789abcdefghijklmnopqrstuvwxyz";
    if (on) load_restrictions(parts, restriction_entries(token, ids));
    WorkerLimits worker = limits->worker();
    base::Arena arena;
    std::vector<model::Event> events(50);
    auto const now = clock.now();
    std::size_t i = 0;
    std::size_t marked = 0;
    bool untouched = true;
    auto const request = [&] {
        for (model::Event& event : events) {
            event.distinct_id = ids[i++];
            event.name = "$pageview";
            event.stamps = {};
        }
        if (i == ids.size()) i = 0;
        RequestLimits r = worker.request(token, now);
        Admission const admission = r.admit(events, arena, nullptr);
        untouched &= admission.dropped_total() == 0 && admission.rate_limited == 0;
        for (const model::Event& event : events)
            marked += event.stamps.person_processing_off;
    };
    auto const tick = [&] {
        if (on && i % kEventsPerTick == 0) take_away(parts.rate->cache());
    };
    for (std::size_t n = 0; n < ids.size(); n += events.size()) {
        request();
        tick();
    }
    // Its own answer: every key is live, every rule loaded, those with the token's ids alone match.
    if (on && (parts.rate->cache().size() != keys ||
               marked != std::min(kRestrictionEntries, keys) / 4 || events.size() != 50)) {
        return state.SkipWithError("the limits do not see what they are given");
    }
    for (auto _ : state) {
        request();
        if (i % kEventsPerTick != 0) continue;
        state.PauseTiming();
        tick();
        state.ResumeTiming();
    }
    if (!untouched || events.size() != 50) state.SkipWithError("events were limited");
    state.counters["per_event"] =
        benchmark::Counter(50.0 * static_cast<double>(state.iterations()),
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(admit)
    ->Name("admit/50_events_10k_restrictions/limits_on/overflow_on/keys")
    ->Args({0, 0, 1'000'000})
    ->Args({1, 0, 1'000'000})
    ->Args({1, 1, 1'000'000});
BENCHMARK(admit)
    ->Name("admit/50_events_10k_restrictions/limits_on/overflow_on/keys")
    ->Args({1, 1, 1000})
    ->Apply(base::counted<100>);

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
    std::vector<std::pair<std::string, std::string>> asked;
    for (std::size_t i = 0; i < count; ++i)
        asked.emplace_back(one_token ? "token" : "token" + std::to_string(i),
                           "user-" + std::to_string(i));
    bool matched = true;
    std::size_t i = 0;
    for (auto _ : state) {
        auto const& [token, user] = asked[i];
        const TokenRules* const of = table->of(token);
        matched &= of->by_pipeline[0]
                       .match({user, "", "$pageview", ""})
                       .has(RestrictionType::SkipPersonProcessing);
        if (++i == count) i = 0;
    }
    if (!matched) state.SkipWithError("a rule did not match");
}
BENCHMARK(restrictions)
    ->Name("restrictions/entries/one_token")
    ->Args({10'000, 0})
    ->Args({10'000, 1})
    ->Apply(base::counted<1000>);

void buckets(benchmark::State& state) {
    base::ManualClock const clock(kNow);
    KeyBuckets all(1'000'000'000, 1'000'000'000, clock);
    HashKey const key;
    auto const keys = static_cast<std::size_t>(state.range(0));
    Ids const ids(keys, keys);
    std::size_t i = 0;
    bool taken = true;
    for (auto _ : state) {
        taken &= all.take(hash_text(ids[i], key), clock.steady());
        if (++i == ids.size()) i = 0;
    }
    state.counters["bytes_per_key"] =
        static_cast<double>(all.memory()) / static_cast<double>(all.size());
    if (!taken) state.SkipWithError("a full bucket gave nothing");
}
BENCHMARK(buckets)->Name("overflow_bucket/keys")->Arg(1000)->Apply(base::counted<5000>);
BENCHMARK(buckets)->Name("overflow_bucket/keys")->Arg(1'000'000);
void remembered_tokens(benchmark::State& state) {
    constexpr std::size_t kTokens = 100'000;
    auto const now = base::SystemClock().steady();
    Ids const ids(kTokens, kTokens);
    std::size_t const before = mallinfo2().uordblks;
    ExpiringSet all(kTokens, std::chrono::seconds(600));
    for (std::size_t i = 0; i < ids.size(); ++i)
        all.insert(ids[i], now);
    state.counters["bytes_per_key"] =
        static_cast<double>(mallinfo2().uordblks - before) / static_cast<double>(all.size());
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(all.contains(ids[i], now));
        if (++i == ids.size()) i = 0;
    }
}
BENCHMARK(remembered_tokens)->Name("known_tokens/100k");

}  // namespace
}  // namespace capture::limits
