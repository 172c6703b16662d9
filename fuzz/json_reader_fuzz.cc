// JSON text in UTF-8, as the decode room hands it on → batch. What is accepted must be JSON by
// another parser's word as well, and every slice that will be forwarded must be JSON on its own.
#include <simdjson.h>

#include <string>

#include "fuzz_input.h"
#include "parse/analytics_v0/reader.h"
#include "parse/json.h"

namespace {

using namespace capture;

bool is_json(std::string_view text) {
    base::Buffer buffer;
    if (!buffer.reserve(text.size() + 1) || !buffer.append(text)) return false;
    parse::JsonCursor json;
    json.open(buffer.view());
    json.skip();
    json.finish();
    return json.ok();
}

void check_event(const model::ParsedEvent& event) {
    for (model::RawJson const slice : {event.token_json, event.distinct_id, event.name_json,
                                       event.properties, event.timestamp_json, event.offset_json,
                                       event.set, event.set_once, event.facts.distinct_id}) {
        fuzz::expect(slice.empty() || is_json(slice), "a forwarded slice is JSON");
    }
    if (!event.facts.parts) return;
    for (auto const& member : event.facts.parts->heatmap) {
        fuzz::expect(is_json("{" + std::string(member) + "}"), "a heatmap member is one");
    }
    for (auto const& cut : event.facts.parts->cuts) {
        fuzz::expect(is_json("{" + std::string(cut.member) + "}"), "a member to remove is one");
    }
}

/// Another reader's verdict on syntax. It refuses some numbers that are fine for us, and takes some
/// surrogates.
void compare(std::string_view text, bool ours, std::string_view problem) {
    static simdjson::dom::parser parser;
    auto const verdict = parser.parse(text.data(), text.size()).error();
    if (ours) {
        fuzz::expect(verdict == simdjson::SUCCESS || verdict == simdjson::NUMBER_ERROR,
                     "accepted text is JSON");
    } else if (verdict == simdjson::SUCCESS) {
        fuzz::expect(
            problem.find("surrogate") != problem.npos || problem.find("nesting") != problem.npos,
            "refused text is not JSON");
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<const char*>(data), size);
    if (!simdjson::validate_utf8(text.data(), text.size())) return 0;
    model::DecodedBody body;
    if (!body.text.reserve(size + 1) || !body.text.append(text)) return 0;
    static parse::JsonCursor json;
    json.open(body.text.view());
    json.skip();
    json.finish();
    compare(text, json.ok(), json.ok() ? "" : json.error());

    static parse::analytics_v0::Reader reader;
    for (bool const engage : {false, true}) {
        base::Budget budget(1 << 26, 1 << 26);
        base::Arena arena;
        auto batch = reader.read(body, engage, arena, &budget);
        if (!batch) {
            bool const shape = batch.error().detail.starts_with("data did not match") ||
                               batch.error().code == model::Code::ReqHydration ||
                               batch.error().code == model::Code::ServiceUnavailable;
            fuzz::expect(shape == json.ok(), "syntax and shape errors are told apart");
            continue;
        }
        fuzz::expect(json.ok(), "only JSON is read");
        for (model::ParsedEvent const& event : batch->events)
            check_event(event);
        if (!parse::analytics_v0::drop_performance_events(*batch)) continue;
        if (auto const token = parse::analytics_v0::request_token(*batch)) {
            fuzz::expect(!token->empty() && token->size() <= 64, "tokens have 1 to 64 bytes");
        }
    }
    return 0;
}
