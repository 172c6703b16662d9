// For benchmarks: which of them are part of the count of instructions, and how often they run
// there.
//
//   BENCHMARK(read_batch)->Arg(50)->Apply(base::counted<20>);
//
// Under CAPTURE_BENCH_COUNTED the benchmark runs exactly so often, instead of so long, so that the
// number of its instructions is the same every time (bench/instructions.py). Nothing in it may
// depend on time, chance or another thread. Choose the number so that the loop runs for about a
// millisecond.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdlib>

namespace capture::base {

template <int kIterations>
void counted(benchmark::internal::Benchmark* benchmark) {
    if (std::getenv("CAPTURE_BENCH_COUNTED")) benchmark->Iterations(kIterations);
}

}  // namespace capture::base
