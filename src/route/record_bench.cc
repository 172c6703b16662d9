// What a record costs: escaping its data, writing its value, filling its headers and key, choosing
// its lane.
#include "route/record.h"

#include <benchmark/benchmark.h>

#include <string>

#include "base/counted.h"
#include "route/escape.h"
#include "route/lane.h"

namespace capture::route {
namespace {

/// About 1.3 KB of properties as SDKs send them: many quotes, few other things to escape.
std::string properties() {
    std::string text = "{";
    for (int i = 0; i < 36; ++i) {
        text += "\"$property_" + std::to_string(i) + "\":\"some value " + std::to_string(i * 7919) +
                "\",";
    }
    return text + R"("title":"Caf\u00e9 \"Zur Post\"","$lib":"web"})";
}

/// Text in which nothing has to be escaped, such as what stands inside of long strings.
std::string plain_text() {
    std::string text;
    while (text.size() < 1300)
        text += "Lorem ipsum dolor sit amet, consectetur. ";
    return text;
}

/// As append_escaped does it, one byte after the other.
std::string escaped(std::string_view text) {
    std::string out;
    for (char const c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

/// Written into again and again, as a sink that hands out memory.
class Place final : public base::ByteWriter {
  public:
    Place() : memory_(std::size_t{1} << 16, '\0') { restart(); }
    void restart() {
        begin_ = cursor_ = memory_.data();
        end_ = begin_ + memory_.size();
    }

  private:
    void grow(std::size_t) override { std::abort(); }
    std::string memory_;
};

void escape(benchmark::State& state, const std::string& text) {
    Place out;
    for (auto _ : state) {
        out.restart();
        append_escaped(out, text);
        benchmark::DoNotOptimize(out.view().data());
    }
    if (out.view() != escaped(text)) state.SkipWithError("not what is expected");
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
void escape_properties(benchmark::State& state) {
    escape(state, properties());
}
void escape_plain_text(benchmark::State& state) {
    escape(state, plain_text());
}
BENCHMARK(escape_properties)->Apply(base::counted<500>);
BENCHMARK(escape_plain_text)->Apply(base::counted<1000>);

struct Made {
    std::string const properties_text = properties();
    model::RequestFacts const facts{.token = "phc_0123456789abcdefghijklmnopqrstuvwxyz",
                                    .ip = "203.0.113.7",
                                    .now = {1'788'264'000, 123'456'789},
                                    .sent_at = std::nullopt};
    RequestTexts const texts{facts};
    model::Event event;

    Made() {
        event.name = "$pageview";
        event.distinct_id = "01a2073c-2f55-7b3e-ad0b-8a482e90a945";
        event.ip = facts.ip;
        event.uuid = *base::Uuid::parse("0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d");
        event.timestamp = {1'788'263'998, 250'000'000};
        event.data.distinct_id = R"("01a2073c-2f55-7b3e-ad0b-8a482e90a945")";
        event.data.event = R"("$pageview")";
        event.data.properties = properties_text;
        event.data.timestamp = R"("2026-09-01T11:59:58.250Z")";
    }
};

void write_record_value(benchmark::State& state) {
    Made const made;
    Place out;
    for (auto _ : state) {
        out.restart();
        write_value(out, made.event, made.texts);
        benchmark::DoNotOptimize(out.view().data());
    }
    std::string const expected =
        R"({"uuid":"0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d",)"
        R"("distinct_id":"01a2073c-2f55-7b3e-ad0b-8a482e90a945","ip":"203.0.113.7","data":")" +
        escaped(R"({"distinct_id":"01a2073c-2f55-7b3e-ad0b-8a482e90a945","uuid":null,)"
                R"("event":"$pageview","properties":)" +
                made.properties_text + R"(,"timestamp":"2026-09-01T11:59:58.250Z"})") +
        R"(","now":"2026-09-01T12:00:00.123456789Z","token":"phc_0123456789abcdefghijklmnopqrstuvwxyz",)"
        R"("event":"$pageview","timestamp":"2026-09-01T11:59:58.250Z"})";
    if (out.view() != expected) state.SkipWithError("another value");
}
BENCHMARK(write_record_value)->Apply(base::counted<500>);

void lane_headers_and_key(benchmark::State& state) {
    Made const made;
    LaneRules rules;
    rules.wired.set();
    std::pmr::string scratch;
    std::size_t headers = 0;
    std::string_view key;
    for (auto _ : state) {
        auto const destination = choose_lane(made.event, rules);
        model::HeaderList list;
        fill_headers(list, made.event, *destination, made.texts, {});
        key = *record_key(made.event, destination->key, made.facts.token, scratch);
        headers = list.size();
        benchmark::DoNotOptimize(key.data());
    }
    if (headers != 9 || key.size() != made.facts.token.size() + 1 + made.event.distinct_id.size())
        state.SkipWithError("other headers or another key");
}
BENCHMARK(lane_headers_and_key)->Apply(base::counted<5000>);

}  // namespace
}  // namespace capture::route
