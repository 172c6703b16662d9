// What an event's time costs: the form that all SDKs send, and one of the looser ones.
#include "parse/timestamp.h"

#include <benchmark/benchmark.h>

#include <string>

#include "base/counted.h"

namespace capture::parse {
namespace {

void parse(benchmark::State& state, const std::string& text, base::Instant expected) {
    bool right = true;
    for (auto _ : state)
        right &= parse_event_timestamp(text, {1'788'264'000, 0}) == expected;
    if (!right) state.SkipWithError("another time");
}

void timestamp_rfc3339(benchmark::State& state) {
    parse(state, "2026-09-01T12:00:00.123Z", {1'788'264'000, 123'000'000});
}
void timestamp_by_name(benchmark::State& state) {
    parse(state, "Tue, 01 Sep 2026 12:00:00 GMT", {1'788'264'000, 0});
}
BENCHMARK(timestamp_rfc3339)->Apply(base::counted<1000>);
BENCHMARK(timestamp_by_name)->Apply(base::counted<1000>);

}  // namespace
}  // namespace capture::parse
