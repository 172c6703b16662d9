// JSON text in UTF-8 → processed events: their invariants, and the promised size of `data`.
#include <simdjson.h>

#include <string>
#include <vector>

#include "fuzz_input.h"
#include "parse/analytics_v0/processor.h"
#include "parse/analytics_v0/reader.h"
#include "parse/json.h"

namespace {

using namespace capture;
using namespace capture::parse::analytics_v0;

std::string data_text(const model::EventData& data) {
    std::string out = "{";
    auto const field = [&out](std::string_view key, std::string_view value) {
        if (value.empty()) return;
        if (out.size() > 1) out += ',';
        out.append("\"").append(key).append("\":").append(value);
    };
    std::string uuid = "null";
    if (data.uuid) {
        uuid.assign(base::Uuid::kTextSize + 2, '"');
        data.uuid->format(uuid.data() + 1);
    }
    std::string properties(data.properties);
    if (data.edited) {
        properties = "{";
        for (std::string_view const run : data.members) {
            if (properties.size() > 1) properties += ',';
            properties += run;
        }
        properties += '}';
    }
    field("token", data.token);
    field("distinct_id", data.distinct_id);
    field("uuid", uuid);
    field("event", data.event);
    field("properties", properties);
    field("timestamp", data.timestamp);
    field("offset", data.offset);
    field("$set", data.set);
    field("$set_once", data.set_once);
    return out + "}";
}

void check(const model::Event& event) {
    fuzz::expect(!event.name.empty(), "events have names");
    fuzz::expect(!event.distinct_id.empty() && event.distinct_id.size() <= 800,
                 "distinct_ids are short");
    fuzz::expect(event.distinct_id.find('\0') == std::string_view::npos,
                 "distinct_ids hold no NUL");
    fuzz::expect(
        event.timestamp.seconds >= -62'167'219'200 && event.timestamp.seconds < 253'402'300'800,
        "timestamps have four-digit years");
    fuzz::expect(event.timestamp.nanos < 1'000'000'000, "nanoseconds are below a second");
    std::string const text = data_text(event.data);
    fuzz::expect(text.size() == model::data_size(event.data), "data has the promised size");
    base::Buffer buffer;
    if (!buffer.append(text)) return;
    static parse::JsonCursor json;
    json.open(buffer.view());
    json.skip();
    json.finish();
    fuzz::expect(json.ok(), "data is JSON");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static telemetry::Registry registry("fuzz", "events");
    static parse::Probe const probe(registry);
    static base::ManualClock const clock(base::Instant{1'782'907'200, 500'000'000});
    static Processor plain({}, probe, clock);
    static Processor other({.ai_lane_by_prefix = true, .reroute_historical = true}, probe, clock);
    static Reader reader;

    model::DecodedBody body;
    std::string_view const text(reinterpret_cast<const char*>(data), size);
    if (!simdjson::validate_utf8(text.data(), text.size())) return 0;
    if (!body.text.reserve(size + 1) || !body.text.append(text)) return 0;
    base::Arena arena;
    auto const batch = reader.read(body, true, arena, nullptr);
    if (!batch) return 0;
    for (Processor* const processor : {&plain, &other}) {
        std::vector<model::Event> events;
        auto const done = processor->process(
            *batch, {"t", "203.0.113.7", clock.now(), batch->sent_at}, arena, events);
        if (!done) continue;
        fuzz::expect(events.size() >= batch->events.size(), "no event is lost");
        for (model::Event const& event : events)
            check(event);
    }
    return 0;
}
