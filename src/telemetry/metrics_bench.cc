// The price of one update, alone and with a second thread on the same series.
#include "telemetry/metrics.h"

#include <benchmark/benchmark.h>

#include "base/counted.h"

namespace capture::telemetry {
namespace {

constexpr MetricSpec kCounter{"c_total", MetricType::Counter, ""};
constexpr MetricSpec kHistogram{"h_seconds", MetricType::Histogram, "", {}, buckets::kSeconds};

Registry& registry() {
    static Registry r("capture", "events");
    return r;
}

/// Without a second thread what the loop added is there when it ends.
void check(benchmark::State& state, double added) {
    if (state.threads() == 1 && added != static_cast<double>(state.iterations()))
        state.SkipWithError("updates are missing");
}

void CounterAdd(benchmark::State& state) {
    auto const c = registry().counter(kCounter);
    double const before = c.value();
    for (auto _ : state)
        c.add();
    check(state, c.value() - before);
}
BENCHMARK(CounterAdd)->Threads(1)->Apply(base::counted<10'000>);
BENCHMARK(CounterAdd)->Threads(2);

void HistogramObserve(benchmark::State& state) {
    auto const h = registry().histogram(kHistogram);
    auto const before = h.count();
    for (auto _ : state)
        h.observe(.03);
    check(state, static_cast<double>(h.count() - before));
}
BENCHMARK(HistogramObserve)->Threads(1)->Apply(base::counted<10'000>);
BENCHMARK(HistogramObserve)->Threads(2);

}  // namespace
}  // namespace capture::telemetry
