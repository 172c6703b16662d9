// The price of one update, alone and with a second thread on the same series.
#include "telemetry/metrics.h"

#include <benchmark/benchmark.h>

namespace capture::telemetry {
namespace {

constexpr MetricSpec kCounter{"c_total", MetricType::Counter, ""};
constexpr MetricSpec kHistogram{"h_seconds", MetricType::Histogram, "", {}, buckets::kSeconds};

Registry& registry() {
    static Registry r("capture", "events");
    return r;
}

void CounterAdd(benchmark::State& state) {
    auto const c = registry().counter(kCounter);
    for (auto _ : state)
        c.add();
}
BENCHMARK(CounterAdd)->Threads(1)->Threads(2);

void HistogramObserve(benchmark::State& state) {
    auto const h = registry().histogram(kHistogram);
    for (auto _ : state)
        h.observe(.03);
}
BENCHMARK(HistogramObserve)->Threads(1)->Threads(2);

}  // namespace
}  // namespace capture::telemetry
