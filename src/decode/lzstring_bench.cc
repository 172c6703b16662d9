// What lz-string costs by itself; through the gate: gate_bench.cc.
#include "decode/lzstring.h"

#include <benchmark/benchmark.h>

#include <string>

#include "base/counted.h"
#include "decode/test_support.h"

namespace capture::decode {
namespace {

void decode(benchmark::State& state, const std::string& packed, std::size_t size) {
    base::Buffer out;
    for (auto _ : state) {
        if (decode_lz_string(packed, 1 << 20, out) != CodecStatus::Ok || out.size() != size) {
            state.SkipWithError("not decoded");
            break;
        }
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

void LzStringAscii(benchmark::State& state) {
    std::string const text = testing::event_batch(10);
    decode(state, testing::to_lz_string(text), text.size());
}
BENCHMARK(LzStringAscii)->Apply(base::counted<10>);

/// Every unit takes three bytes, so the ASCII way is left.
void LzStringWide(benchmark::State& state) {
    std::u16string text;
    for (char16_t i = 0; i < 5000; ++i)
        text += static_cast<char16_t>(0x4e00 + i * i % 700);
    decode(state, testing::to_lz_string(text), 3 * text.size());
}
BENCHMARK(LzStringWide)->Apply(base::counted<10>);

}  // namespace
}  // namespace capture::decode
