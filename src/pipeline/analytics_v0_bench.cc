// What a whole request costs between its last byte and its answer: everything but sockets and
// Kafka.
#include "pipeline/analytics_v0.h"

#include <benchmark/benchmark.h>

#include <string>

#include "base/counted.h"
#include "decode/test_support.h"
#include "pipeline/testing.h"
#include "sink/noop.h"

namespace capture::pipeline {
namespace {

void run(benchmark::State& state, const std::string& path, const std::string& body, int events) {
    testing::World world;
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
                          .budget = world.budget,
                          .ledger = world.ledger,
                          .limits = world.worker_limits};
    AnalyticsV0 surface(context, world.decode_probe, world.parse_probe);
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
    run(state, "/i/v0/e/", R"({"api_key":"phc_test",)" + event, 1);
}
void gzip_batch(benchmark::State& state) {
    auto const events = static_cast<int>(state.range(0));
    run(state, "/batch/", decode::testing::to_gzip(decode::testing::event_batch(events)), events);
}
BENCHMARK(single_event)->Apply(base::counted<100>);
BENCHMARK(gzip_batch)->Arg(50)->Apply(base::counted<10>);
BENCHMARK(gzip_batch)->Arg(1000);

}  // namespace
}  // namespace capture::pipeline
