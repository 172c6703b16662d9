#include "parse/event_reader.h"

#include <charconv>
#include <string>
#include <utility>

namespace capture::parse {
namespace {

using model::Code;

constexpr std::string_view kNoShape = "data did not match any variant of untagged enum RawRequest";

}  // namespace

Field classify(std::string_view key) {
    using enum Field;
    switch (key.size()) {
        case 4:
            return key == "uuid" ? Uuid : key == "$set" ? Set : Unknown;
        case 5:
            return key == "event"   ? Event
                   : key == "token" ? Token
                   : key == "batch" ? Batch
                                    : Unknown;
        case 6:
            return key == "offset" ? Offset : key == "$token" ? Token : Unknown;
        case 7:
            return key == "api_key" ? Token : key == "sent_at" ? SentAt : Unknown;
        case 9:
            return key == "timestamp" ? Timestamp : key == "$set_once" ? SetOnce : Unknown;
        case 10:
            return key == "properties" ? Properties : Unknown;
        case 11:
            return key == "distinct_id" ? DistinctId : Unknown;
        case 12:
            return key == "$distinct_id" ? DistinctId : Unknown;
        case 20:
            return key == "historical_migration" ? HistoricalMigration : Unknown;
        default:
            return Unknown;
    }
}

void EventReader::begin(const model::DecodedBody& body, base::Arena& request_arena,
                        base::Budget* budget) {
    arena = &request_arena;
    batch = {};
    if (budget) {
        batch.events_charge = base::Charge(*budget);
        arena->charge_to(*budget);
    }
    affordable = true;
    expected_events = 1;
    text_size = body.text.size();
    json.open(body.text.view());
}

model::Result<model::EventBatch> EventReader::end(bool fits) {
    json.finish();
    model::EventBatch read = std::exchange(batch, {});
    if (!json.ok()) return model::fail(Code::ReqParsing, json.error());
    if (!affordable || arena->exhausted())
        return model::fail(Code::ServiceUnavailable, "memory budget exhausted");
    if (!fits) return model::fail(Code::ReqParsing, std::string(kNoShape));
    return read;
}

void EventReader::read_common(Field field, EventShape& shape, model::ParsedEvent& event) {
    using enum Field;
    switch (field) {
        case Token:
            set_token(event, read_text(shape.typed));
            break;
        case DistinctId:
            if (!read_null()) event.distinct_id = json.value();
            break;
        case Uuid: {
            auto const text = read_text(shape.typed);
            if (!text || (text->text.empty() && rules.empty_uuid_is_absent)) break;
            event.uuid = base::Uuid::parse(text->plain(*arena));
            if (!event.uuid) shape.typed = false;
            break;
        }
        case Event:
            if (json.peek() != '"') return json.skip();
            if (JsonText const text = json.string(); json.ok()) {
                event.name = text.plain(*arena);
                event.name_json = text.raw();
                shape.named = true;
            }
            break;
        case Timestamp:
            if (auto const text = read_text(shape.typed)) {
                event.timestamp = text->plain(*arena);
                event.timestamp_json = text->raw();
            }
            break;
        case Offset: {
            if (read_null()) break;
            model::RawJson const text = json.value();
            std::int64_t number = 0;
            auto const [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), number);
            if (error != std::errc() || end != text.data() + text.size()) {
                shape.typed = false;
            } else {
                event.offset = number;
                event.offset_json = text;
            }
            break;
        }
        default:
            std::unreachable();
    }
}

bool EventReader::afford_event() {
    auto& events = batch.events;
    if (events.size() < events.capacity()) return true;
    std::size_t const grown = std::max(expected_events, 2 * events.capacity());
    if (!batch.events_charge.add((grown - events.capacity()) * rules.event_bytes)) {
        affordable = false;
        return false;
    }
    events.reserve(grown);
    return true;
}

}  // namespace capture::parse
