#include "parse/analytics_v0/reader.h"

#include <utility>

#include "parse/analytics_v0/properties.h"
#include "parse/event_reader.h"
#include "parse/timestamp.h"

namespace capture::parse::analytics_v0 {
namespace {

using model::Code;

/// What has been found out about an object as a batch, while its members pass.
struct BatchShape {
    SeenFields seen;
    bool typed = true;
    bool has_events = false;
    std::optional<std::string_view> token;
    bool historical = false;
    std::optional<model::SentAt> sent_at;
};

constexpr std::string_view kNoName = "non-engage request missing event name attribute";
constexpr std::string_view kIdentify = "\"$identify\"";

}  // namespace

struct Reader::Impl : EventReader {
    Impl()
        : EventReader({.event_bytes = sizeof(model::ParsedEvent) + sizeof(model::Event)}) {
    }  // what processing makes of it

    PropertyReader properties;
    bool nameless = false;  ///< the fourth shape fits, where it is not accepted

    model::Result<model::EventBatch> read(const model::DecodedBody& body, bool engage,
                                          base::Arena& request_arena, base::Budget* budget);
    model::RawJson read_object(bool& typed) {
        if (json.peek() == '{') return json.value();
        if (!read_null()) {
            typed = false;
            json.skip();
        }
        return {};
    }
    bool read_batch() {
        return read_events([this](model::ParsedEvent& event) { return read_event(event); });
    }
    bool read_event(model::ParsedEvent& event);
    void read_field(Field field, EventShape& shape, model::ParsedEvent& event);
    /// Whether some shape fits.
    bool read_top_object(bool engage);
    void read_batch_field(Field field, BatchShape& as_batch);
};

bool Reader::Impl::read_event(model::ParsedEvent& event) {
    EventShape shape;
    json.enter_object();
    JsonText key;
    while (json.next_key(key))
        read_field(classify(key.plain(*arena)), shape, event);
    return shape.typed && shape.named;
}

void Reader::Impl::read_field(Field field, EventShape& shape, model::ParsedEvent& event) {
    using enum Field;
    if (field >= Batch) return json.skip();
    if (!first_time(field, shape)) return;
    switch (field) {
        case Properties:
            if (json.peek() == '{') {
                affordable &= properties.read(json, *arena, batch.events_charge, event);
            } else {
                shape.typed = false;
                json.skip();
            }
            break;
        case Set:
            event.set = read_object(shape.typed);
            break;
        case SetOnce:
            event.set_once = read_object(shape.typed);
            break;
        default:
            read_common(field, shape, event);
    }
}

void Reader::Impl::read_batch_field(Field field, BatchShape& as_batch) {
    if (!as_batch.seen.add(field)) {
        as_batch.typed = false;
        return json.skip();
    }
    switch (field) {
        case Field::Batch:
            if (json.peek() == '[') {
                as_batch.has_events = read_batch();
            } else {
                json.skip();
            }
            break;
        case Field::HistoricalMigration: {
            model::RawJson const value = json.value();
            as_batch.historical = value == "true";
            if (value != "true" && value != "false" && value != "null") as_batch.typed = false;
            break;
        }
        case Field::SentAt:
            if (auto const text = read_text(as_batch.typed))
                as_batch.sent_at = parse_sent_at(text->plain(*arena));
            break;
        default:
            std::unreachable();
    }
}

/// Reads the members of an object as a batch and as an event at once; what it is shows at its end.
bool Reader::Impl::read_top_object(bool engage) {
    BatchShape as_batch;
    EventShape as_event;
    model::ParsedEvent event;
    json.enter_object();
    JsonText key;
    while (json.next_key(key)) {
        std::string_view const name = key.plain(*arena);
        Field const field = classify(name);
        if (field >= Field::Batch && field != Field::Unknown) {
            read_batch_field(field, as_batch);
            continue;
        }
        if (field == Field::Token) {
            // Both shapes want it: a batch knows two of an event's three names, and needs a string.
            bool const first = as_event.seen.add(field);
            auto const text = read_text(as_event.typed);
            if (!json.ok()) return false;
            if (first)
                set_token(event, text);
            else
                as_event.typed = false;
            if (name == "$token") continue;
            if (!as_batch.seen.add(field) || !text) as_batch.typed = false;
            if (text) as_batch.token = text->plain(*arena);
            continue;
        }
        read_field(field, as_event, event);
    }
    if (as_batch.typed && as_batch.has_events && as_batch.token) {
        batch.batch_token = as_batch.token;
        batch.historical_migration = as_batch.historical;
        batch.sent_at = as_batch.sent_at;
        return true;
    }
    batch.events.clear();
    if (!as_event.typed) return false;
    if (!as_event.named) {
        nameless = !engage;
        event.name = kIdentify.substr(1, kIdentify.size() - 2);
        event.name_json = kIdentify;
    }
    if (afford_event()) batch.events.push_back(event);
    return true;
}

model::Result<model::EventBatch> Reader::Impl::read(const model::DecodedBody& body, bool engage,
                                                    base::Arena& request_arena,
                                                    base::Budget* budget) {
    begin(body, request_arena, budget);
    nameless = false;
    bool fits = false;
    if (json.peek() == '[') {
        fits = read_batch();
        batch.is_array = true;
    } else if (json.peek() == '{') {
        fits = read_top_object(engage);
    } else {
        json.skip();
    }
    auto done = end(fits);
    if (done && nameless) return model::fail(Code::ReqHydration, std::string(kNoName));
    return done;
}

Reader::Reader() : impl_(std::make_unique<Impl>()) {}
Reader::~Reader() = default;

model::Result<model::EventBatch> Reader::read(const model::DecodedBody& body, bool engage,
                                              base::Arena& arena, base::Budget* budget) {
    return impl_->read(body, engage, arena, budget);
}

}  // namespace capture::parse::analytics_v0
