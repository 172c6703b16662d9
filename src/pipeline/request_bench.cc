// What a whole request costs between its last byte and its answer: everything but sockets and
// Kafka.
#include <benchmark/benchmark.h>

#include <string>

#include "base/counted.h"
#include "decode/test_support.h"
#include "pipeline/analytics_v0.h"
#include "pipeline/replay.h"
#include "pipeline/testing.h"
#include "sink/noop.h"

namespace capture::pipeline {
namespace {

template <typename Surface>
void run(benchmark::State& state, const std::string& path, const std::string& body, int events,
         const config::Environment& environment = {}) {
    testing::World world(environment);
    sink::NoopSink sink(world.registry, world.log);
    Context const context{.settings = world.settings,
                          .clock = world.clock,
                          .log = world.log,
                          .probe = world.probe,
                          .route_probe = world.route_probe,
                          .lanes = world.lanes,
                          .pool = world.pool,
                          .sink = sink,
                          .warnings = world.warnings,
                          .inbox = world.inbox,
                          .budget = world.budget,
                          .ledger = world.ledger,
                          .limits = world.worker_limits};
    Surface surface(context, world.decode_probe, world.parse_probe);
    testing::FakeRequest request(path, body);
    request.headers["content-type"] = "application/json";
    for (auto _ : state) {
        if (world.serve(surface, request).status != 200) {
            state.SkipWithError("refused");
            break;
        }
    }
    double const delivered = world.registry.counters(kLedgerEnded).with({"delivered", ""}).value();
    if (delivered != static_cast<double>(state.iterations() * events) || world.budget.used() != 0)
        state.SkipWithError("events are missing, or memory");
    state.counters["per_event"] =
        benchmark::Counter(static_cast<double>(state.iterations() * events),
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void single_event(benchmark::State& state) {
    std::string batch = decode::testing::event_batch(1);
    std::size_t const begin = batch.find("{\"event\"");
    std::size_t const end = batch.rfind("],");
    std::string const event = batch.substr(begin + 1, end - begin - 1);
    run<AnalyticsV0>(state, "/i/v0/e/", R"({"api_key":"phc_test",)" + event, 1);
}
void gzip_batch(benchmark::State& state) {
    auto const events = static_cast<int>(state.range(0));
    run<AnalyticsV0>(state, "/batch/",
                     decode::testing::to_gzip(decode::testing::event_batch(events)), events);
}

/// Two events of a session recording with some 20 KB of items each.
void replay(benchmark::State& state) {
    std::string items;
    for (int i = 0; i < 160; ++i) {
        items += items.empty() ? "" : ",";
        items +=
            R"({"type":3,"data":{"source":3,"id":)" + std::to_string(i * 7919) +
            R"(,"x":0,"y":2107,"attributes":{"class":"row is-visible"}},"timestamp":17882640)" +
            std::to_string(10'000 + i) + "}";
    }
    std::string const event =
        R"({"event":"$snapshot","distinct_id":"u","properties":{"token":"phc_test",)"
        R"("$session_id":"0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d","$snapshot_data":[)" +
        items + "]}}";
    run<Replay>(state, "/s/", decode::testing::to_gzip("[" + event + "," + event + "]"), 2,
                {{"CAPTURE_MODE", "recordings"}, {"KAFKA_REPLAY_ENVELOPE_COMPRESSION", "lz4"}});
}

BENCHMARK(single_event)->Apply(base::counted<100>);
BENCHMARK(gzip_batch)->Arg(50)->Apply(base::counted<10>);
BENCHMARK(gzip_batch)->Arg(1000)->MeasureProcessCPUTime();
BENCHMARK(replay)->Apply(base::counted<20>);

}  // namespace
}  // namespace capture::pipeline
