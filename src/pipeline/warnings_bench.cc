// What a request pays for warnings: one that has nothing to be told of, and one that is throttled.
#include <benchmark/benchmark.h>

#include "pipeline/analytics_v0_warnings.h"
#include "pipeline/testing.h"
#include "sink/noop.h"

namespace capture::pipeline {
namespace {

Warnings make(telemetry::Registry& registry, const base::Clock& clock) {
    return {std::make_unique<sink::NoopSink>(registry, telemetry::Logger::silent()), 1 << 20,
            registry, clock};
}

void CleanRequest(benchmark::State& state) {
    base::SystemClock const clock;
    telemetry::Registry registry("", "");
    Warnings warnings = state.range(0) ? make(registry, clock) : Warnings();
    model::EventBatch batch;
    batch.events.resize(1);
    batch.events[0].facts.lib = "web";
    batch.events[0].facts.lib_version = "1.200.0";
    std::vector<model::Event> events(static_cast<std::size_t>(state.range(1)));
    for (auto& event : events)
        event.distinct_id = "0190a7a1-0000-7000-8000-000000000001";
    limits::Admission const admission;
    for (auto _ : state) {
        AnalyticsV0Warnings request(warnings, "/i/v0/e/");
        request.begin("phc_a", batch);
        request.limited(admission);
        request.before_publish(events);
        request.published({});
        benchmark::DoNotOptimize(request);
    }
}
BENCHMARK(CleanRequest)->ArgNames({"on", "events"})->ArgsProduct({{0, 1}, {1, 100}});

void Throttled(benchmark::State& state) {
    static base::SystemClock const clock;
    static telemetry::Registry registry("", "");
    static Warnings warnings = make(registry, clock);
    for (auto _ : state) {
        warnings.emit({.path = WarningPath::LegacyAnalytics,
                       .token = "phc_a",
                       .route = "/i/v0/e/",
                       .lib = "web",
                       .lib_version = "1.200.0"},
                      {.type = WarningType::MissingDistinctId});
    }
}
BENCHMARK(Throttled)->ThreadRange(1, 2);

}  // namespace
}  // namespace capture::pipeline
