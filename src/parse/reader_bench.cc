// What reading and processing cost per event, with events as posthog-js sends them. Each run checks
// its answer.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "base/counted.h"
#include "parse/analytics_v0/processor.h"
#include "parse/analytics_v0/reader.h"

namespace capture::parse::analytics_v0 {
namespace {

constexpr std::string_view kNow = "2026-11-23T07:08:35.000Z";

/// An event of 1.4 KB, or of about 1 KB without its larger texts.
std::string event(int number, bool large) {
    std::string text = R"({"uuid":"01a2073c-2f6f-71f8-9ac5-24a8e18d)";
    text += std::to_string(1000 + number % 9000);
    text += R"(","event":"$pageview","properties":{)";
    text +=
        R"("$os":"Linux","$browser":"Chrome","$device_type":"Desktop","$timezone":"Europe/Berlin",)"
        R"("$timezone_offset":0,"$current_url":"https://www.example.com/shop/basket?item=4711&step=2",)"
        R"("$host":"www.example.com","$pathname":"/shop/basket","$browser_version":156,)"
        R"("$browser_language":"en-US","$screen_height":720,"$screen_width":1280,)"
        R"("$viewport_height":720,"$viewport_width":1280,"$lib":"web","$lib_version":"1.449.2",)"
        R"("$insert_id":"g6lc5iiye5ysderl","$time":1795417714.572,"$sdk_dist_channel":"cdn",)"
        R"("distinct_id":"01a2073c-2f55-7b3e-ad0b-8a482e90a945",)"
        R"("$device_id":"01a2073c-2f55-7b3e-ad0b-8a482e90a945","$referrer":"$direct",)"
        R"("$referring_domain":"$direct","title":"Caf\u00e9 \"Zur Post\"","token":"phc_test",)"
        R"("$session_id":"01a2073c-2f8d-73df-82e1-2682f9571ccd",)"
        R"("$window_id":"01a2073c-2f8d-73df-82e1-2683bf0405cf","$is_identified":false,)"
        R"("$process_person_profile":false,"$lib_rate_limit_remaining_tokens":99)";
    if (large) {
        text +=
            R"(,"$raw_user_agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) )"
            R"(Chrome/156.0.0.0 Safari/537.36","$session_entry_url":"https://www.example.com/?utm_source=mail",)"
            R"("$session_entry_host":"www.example.com","$session_entry_pathname":"/",)"
            R"("$configured_session_timeout_ms":1800000,"$config_defaults":"2025-05-24",)"
            R"("$recording_status":"disabled","$groups":{"company":"acme","project":"web"})";
    }
    return text + R"(},"timestamp":"2026-11-23T07:08:34.543Z"})";
}

std::string batch(int count) {
    std::string text = R"({"api_key":"phc_test","batch":[)";
    for (int i = 0; i < count; ++i) {
        if (i > 0) text += ',';
        text += event(i, true);
    }
    return text + R"(],"sent_at":"2026-11-23T07:08:34.587Z"})";
}

model::DecodedBody body_of(std::string_view text) {
    model::DecodedBody body;
    if (!body.text.append(text)) std::abort();
    return body;
}

void run(benchmark::State& state, std::string_view text, std::size_t count, bool process) {
    model::DecodedBody const body = body_of(text);
    telemetry::Registry registry("bench", "events");
    Probe const probe(registry);
    base::ManualClock const clock(base::Instant{1'795'417'715, 0});
    Reader reader;
    Processor processor({}, probe, clock);
    base::Budget budget(std::size_t{1} << 30, std::size_t{1} << 30);
    for (auto _ : state) {
        base::Arena arena;
        auto batch = reader.read(body, false, arena, &budget);
        if (!batch || batch->events.size() != count || request_token(*batch) != "phc_test") {
            state.SkipWithError("wrong answer of the reader");
            break;
        }
        if (!process) continue;
        model::RequestFacts const facts{"phc_test", "203.0.113.7", clock.now(), batch->sent_at};
        std::vector<model::Event> events;
        if (!processor.process(*batch, facts, arena, events) || events.size() != count ||
            model::data_size(events.back().data) < 900) {
            state.SkipWithError("wrong answer of the processor");
            break;
        }
    }
    auto const events = static_cast<double>(state.iterations() * static_cast<std::int64_t>(count));
    state.counters["per_event"] =
        benchmark::Counter(events, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
    state.counters["bytes"] = static_cast<double>(text.size()) / static_cast<double>(count);
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void read_batch(benchmark::State& state) {
    auto const count = static_cast<int>(state.range(0));
    run(state, batch(count), static_cast<std::size_t>(count), false);
}
void read_and_process_batch(benchmark::State& state) {
    auto const count = static_cast<int>(state.range(0));
    run(state, batch(count), static_cast<std::size_t>(count), true);
}
void read_and_process_single(benchmark::State& state) {
    run(state, event(1, false), 1, true);
}

BENCHMARK(read_batch)->Arg(50)->Apply(base::counted<20>);
BENCHMARK(read_batch)->Arg(1000);
BENCHMARK(read_and_process_batch)->Arg(50)->Apply(base::counted<20>);
BENCHMARK(read_and_process_batch)->Arg(1000);
BENCHMARK(read_and_process_single)->Apply(base::counted<500>);

}  // namespace
}  // namespace capture::parse::analytics_v0
