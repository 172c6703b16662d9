// What the gate costs per batch. Each benchmark checks its answer once, in front of the
// measurement.
#include "decode/gate.h"

#include <benchmark/benchmark.h>

#include <string>

#include "base/counted.h"
#include "decode/base64.h"
#include "decode/form.h"
#include "decode/test_support.h"
#include "decode/utf8.h"

namespace capture::decode {
namespace {

constexpr int kEvents = 50;

/// About 50 × 1.4 KB.
const std::string& batch() {
    static const std::string text = testing::event_batch(kEvents);
    return text;
}

struct Shape {
    std::string body;
    std::string_view query;
    std::string_view content_type;
    bool old_path = false;
};

void run(benchmark::State& state, const Shape& shape) {
    telemetry::Registry registry("bench", "events");
    Probe const probe(registry);
    Gate const gate(std::size_t{100} << 20, probe, telemetry::Logger::silent());
    base::Budget budget(std::size_t{1} << 30, std::size_t{1} << 30);
    auto const query = read_query(shape.query);
    auto const open = [&] {
        base::Buffer body(&budget);
        if (!query || !body.append(shape.body)) std::abort();
        return gate.open({std::move(body), *query, shape.content_type, "", shape.old_path},
                         &budget);
    };
    if (auto const checked = open(); !checked || checked->text.view() != batch()) {
        state.SkipWithError("the gate gave another text");
        return;
    }
    for (auto _ : state) {
        auto const result = open();
        benchmark::DoNotOptimize(result->text.data());
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * batch().size()));
    state.counters["per_event"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * kEvents,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void RawJson(benchmark::State& state) {
    run(state, {batch(), "", "application/json"});
}
void Gzip(benchmark::State& state) {
    run(state, {testing::to_gzip(batch()), "", "text/plain"});
}
void RawBase64(benchmark::State& state) {
    run(state, {testing::to_base64(batch()), "", "text/plain"});
}
void FormBase64(benchmark::State& state) {
    run(state, {"data=" + testing::to_percent(testing::to_base64(batch())), "compression=base64",
                kFormType});
}
void FormJson(benchmark::State& state) {
    run(state, {"data=" + testing::to_percent(batch()), "", kFormType});
}
void LzString(benchmark::State& state) {
    run(state, {testing::to_lz_string(batch()), "compression=lz64", "text/plain"});
}
BENCHMARK(RawJson)->Apply(base::counted<50>);
BENCHMARK(Gzip)->Apply(base::counted<10>);
BENCHMARK(RawBase64)->Apply(base::counted<20>);
BENCHMARK(FormBase64)->Apply(base::counted<20>);
BENCHMARK(FormJson)->Apply(base::counted<20>);
BENCHMARK(LzString)->Apply(base::counted<5>);

void DecodeBase64(benchmark::State& state) {
    std::string const text = testing::to_base64(batch());
    std::string out(base64_room(text.size()), '\0');
    if (decode_base64(text, out.data()) != batch().size()) state.SkipWithError("wrong size");
    for (auto _ : state) {
        benchmark::DoNotOptimize(decode_base64(text, out.data()));
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * batch().size()));
}
BENCHMARK(DecodeBase64)->Apply(base::counted<100>);

void CheckUtf8(benchmark::State& state) {
    if (!is_utf8(batch())) state.SkipWithError("is text");
    for (auto _ : state) {
        benchmark::DoNotOptimize(is_utf8(batch()));
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * batch().size()));
}
BENCHMARK(CheckUtf8)->Apply(base::counted<100>);

}  // namespace
}  // namespace capture::decode
