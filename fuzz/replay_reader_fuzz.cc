// JSON text in UTF-8 → the one event of a recording: its invariants, and the promised size of
// `data`, whose bytes the service's own reader must accept again with the same metadata and items.
#include <simdjson.h>

#include <string>

#include "fuzz_input.h"
#include "parse/json.h"
#include "parse/replay/processor.h"
#include "parse/replay/reader.h"
#include "parse/replay/session_id.h"

namespace {

using namespace capture;
using namespace capture::parse::replay;

void append_joined(std::string& out, std::span<const std::string_view> texts) {
    for (std::size_t i = 0; i < texts.size(); ++i)
        out.append(i ? "," : "").append(texts[i]);
}

/// The text of `data` by contract 40 §8.
std::string data_text(const model::EventData& data) {
    std::string out = "{\"event\":" + std::string(data.event) + ",\"properties\":{";
    append_joined(out, data.members);
    out += ",\"$snapshot_items\":[";
    append_joined(out, *data.items);
    return out + "]}}";
}

bool is_json(std::string_view text) {
    static parse::JsonCursor json;
    base::Buffer buffer;
    if (!buffer.append(text)) return true;
    json.open(buffer.view());
    json.skip();
    json.finish();
    return json.ok();
}

void check(const model::Event& event, std::size_t events) {
    fuzz::expect(!event.distinct_id.empty() && event.distinct_id.size() <= 800,
                 "distinct_ids are short");
    fuzz::expect(!event.distinct_id.contains('\0'), "distinct_ids hold no NUL");
    fuzz::expect(event.session_id && !session_id_problem(*event.session_id),
                 "session ids are valid");
    fuzz::expect(event.data.items->size() <= events, "an event has one run of items at most");
    std::string const text = data_text(event.data);
    fuzz::expect(text.size() == model::data_size(event.data), "data has the promised size");
    fuzz::expect(is_json(text), "data is JSON");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static telemetry::Registry registry("fuzz", "recordings");
    static parse::Probe const probe(registry);
    static Processor processor(probe);
    static Reader reader;

    fuzz::FuzzInput input(data, size);
    std::string_view const user_agent = input.line();
    if (!simdjson::validate_utf8(input.rest().data(), input.rest().size())) return 0;
    model::DecodedBody body;
    if (!body.text.reserve(size + 1) || !body.text.append(input.rest())) return 0;
    base::Arena arena;
    auto const batch = reader.read(body, arena, nullptr);
    if (!batch) return 0;
    fuzz::expect(is_json(body.text.view()), "what is read is JSON");
    model::RequestFacts const facts{"t",
                                    "203.0.113.7",
                                    {1'782'907'200, 500'000'000},
                                    batch->events.front().facts.snapshot->sent_at};
    model::Event event;
    if (!processor.describe(*batch, facts, user_agent, arena, event)) return 0;
    if (!Processor::collect_items(*batch, arena, event)) return 0;
    check(event, batch->events.size());
    return 0;
}
