// What the small things cost that every event or request needs: a UUID, a time as text, a deadline,
// a few bytes of a request's memory.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/arena.h"
#include "base/clock.h"
#include "base/counted.h"
#include "base/time.h"
#include "base/timer_wheel.h"
#include "base/uuid.h"

namespace capture::base {
namespace {

void make_uuid(benchmark::State& state) {
    UuidSource source(7);
    char text[Uuid::kTextSize];
    Uuid uuid;
    for (auto _ : state) {
        uuid = source.v7(1'788'264'000'123);
        uuid.format(text);
        benchmark::DoNotOptimize(text);
    }
    if (Uuid::parse({text, sizeof(text)}) != uuid || uuid.v7_millis() != 1'788'264'000'123)
        state.SkipWithError("not the UUID's text");
}
BENCHMARK(make_uuid)->Apply(counted<10'000>);

void parse_uuid(benchmark::State& state) {
    std::string const text = "0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d";
    bool read = true;
    for (auto _ : state)
        read &= Uuid::parse(text)->version() == 7;
    if (!read) state.SkipWithError("not read");
}
BENCHMARK(parse_uuid)->Apply(counted<10'000>);

void format_time(benchmark::State& state) {
    char out[kMaxInstantText];
    std::string_view text;
    for (auto _ : state) {
        text = format_rfc3339({1'788'264'000, 123'456'000}, Fraction::Groups, out);
        benchmark::DoNotOptimize(out);
    }
    if (text != "2026-09-01T12:00:00.123456Z") state.SkipWithError("another time");
}
BENCHMARK(format_time)->Apply(counted<10'000>);

void arm_and_cancel_timer(benchmark::State& state) {
    IoContext io{1};
    ManualClock const clock({1'788'264'000, 0});
    TimerWheel wheel(io, clock);
    int fired = 0;
    TimerWheel::Timer timer([](void* count) { ++*static_cast<int*>(count); }, &fired);
    TimerWheel::Timer other([](void* count) { ++*static_cast<int*>(count); }, &fired);
    wheel.arm(other, std::chrono::seconds(60));
    for (auto _ : state) {
        wheel.arm(timer, std::chrono::seconds(10));
        timer.cancel();
    }
    if (wheel.armed() != 1 || fired != 0) state.SkipWithError("a cancelled timer is armed");
}
BENCHMARK(arm_and_cancel_timer)->Apply(counted<10'000>);

/// As many as an ordinary request takes: they fit into the arena's own first block.
void arena_of_a_request(benchmark::State& state) {
    std::string const text = "a property's text";
    bool same = true;
    for (auto _ : state) {
        Arena arena;
        for (int i = 0; i < 16; ++i)
            same &= arena.copy(text) == text;
    }
    if (!same) state.SkipWithError("another text");
}
BENCHMARK(arena_of_a_request)->Apply(counted<1000>);

}  // namespace
}  // namespace capture::base
