#include "parse/analytics_v0/reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "parse/analytics_v0/properties.h"
#include "parse/json.h"
#include "parse/timestamp.h"

namespace capture::parse::analytics_v0 {
namespace {

using model::Code;

enum class Field : std::uint8_t {
    Token,
    DistinctId,
    Uuid,
    Event,
    Properties,
    Timestamp,
    Offset,
    Set,
    SetOnce,
    Batch,
    HistoricalMigration,
    SentAt,
    Unknown,
};

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

/// Which fields an object has had so far.
class Seen {
  public:
    /// False when the field has been there before.
    bool add(Field field) {
        auto const bit = static_cast<std::uint16_t>(1U << static_cast<unsigned>(field));
        bool const first = !(bits_ & bit);
        bits_ |= bit;
        return first;
    }

  private:
    std::uint16_t bits_ = 0;
};

/// What has been found out about an object as an event, while its members pass.
struct EventShape {
    Seen seen;
    bool typed = true;   ///< every known field but `event` has its type and came once
    bool named = false;  ///< `event` came once and is a string
};

/// … and as a batch.
struct BatchShape {
    Seen seen;
    bool typed = true;
    bool has_events = false;
    std::optional<std::string_view> token;
    bool historical = false;
    std::optional<model::SentAt> sent_at;
};

constexpr std::string_view kNoShape = "data did not match any variant of untagged enum RawRequest";
constexpr std::string_view kNoName = "non-engage request missing event name attribute";
constexpr std::string_view kIdentify = "\"$identify\"";

}  // namespace

struct Reader::Impl {
    JsonCursor json;
    PropertyReader properties;
    base::Arena* arena = nullptr;
    model::EventBatch batch;
    std::size_t expected_events = 1;
    std::size_t text_size = 0;
    bool affordable = true;
    bool fits = false;      ///< some shape fits
    bool nameless = false;  ///< … the fourth, where it is not accepted

    bool read_null() {
        if (json.peek() != 'n') return false;
        json.skip();
        return true;
    }
    /// A string, null or (misfit) something else; anything but a string gives nothing.
    std::optional<JsonText> read_text(bool& typed) {
        if (json.peek() == '"') return json.string();
        if (!read_null()) {
            typed = false;
            json.skip();
        }
        return std::nullopt;
    }
    model::RawJson read_object(bool& typed) {
        if (json.peek() == '{') return json.value();
        if (!read_null()) {
            typed = false;
            json.skip();
        }
        return {};
    }

    void set_token(model::ParsedEvent& event, const std::optional<JsonText>& text) {
        if (!text) return;
        event.token = text->plain(*arena);
        event.token_json = text->raw();
    }

    bool read_events();
    void read_event(EventShape& shape, model::ParsedEvent& event);
    void read_field(Field field, EventShape& shape, model::ParsedEvent& event);
    void read_top_object(bool engage);
    void read_batch_field(Field field, BatchShape& as_batch);
    model::ParsedEvent* add_event();
};

/// The next place in the batch; null when the budget refuses. Growth pays for what processing makes
/// of the events too.
model::ParsedEvent* Reader::Impl::add_event() {
    auto& events = batch.events;
    if (events.size() == events.capacity()) {
        std::size_t const grown = std::max(expected_events, 2 * events.capacity());
        std::size_t const each = sizeof(model::ParsedEvent) + sizeof(model::Event);
        if (!batch.events_charge.add((grown - events.capacity()) * each)) {
            affordable = false;
            return nullptr;
        }
        events.reserve(grown);
    }
    return &events.emplace_back();
}

/// Passes an array of named events. False when an element is not one.
bool Reader::Impl::read_events() {
    bool fit = true;
    expected_events = std::clamp<std::size_t>(text_size / 1024, 1, 64);
    json.enter_array();
    while (json.next_element()) {
        model::ParsedEvent* const event = fit && json.peek() == '{' ? add_event() : nullptr;
        if (!event) {
            fit = false;
            json.skip();
            continue;
        }
        EventShape shape;
        read_event(shape, *event);
        if (!shape.typed || !shape.named) fit = false;
    }
    return fit;
}

void Reader::Impl::read_event(EventShape& shape, model::ParsedEvent& event) {
    json.enter_object();
    JsonText key;
    while (json.next_key(key))
        read_field(classify(key.plain(*arena)), shape, event);
}

void Reader::Impl::read_field(Field field, EventShape& shape, model::ParsedEvent& event) {
    using enum Field;
    if (field >= Batch) return json.skip();
    if (!shape.seen.add(field)) {
        (field == Event ? shape.named : shape.typed) = false;
        return json.skip();
    }
    switch (field) {
        case Token:
            set_token(event, read_text(shape.typed));
            break;
        case DistinctId:
            if (!read_null()) event.distinct_id = json.value();
            break;
        case Uuid: {
            auto const text = read_text(shape.typed);
            if (!text || text->text.empty()) break;
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
        case Properties:
            if (json.peek() == '{') {
                affordable &= properties.read(json, *arena, batch.events_charge, event);
            } else {
                shape.typed = false;
                json.skip();
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
        case Set:
            event.set = read_object(shape.typed);
            break;
        case SetOnce:
            event.set_once = read_object(shape.typed);
            break;
        default:
            std::unreachable();
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
                as_batch.has_events = read_events();
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
void Reader::Impl::read_top_object(bool engage) {
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
            if (!json.ok()) return;
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
        fits = true;
        return;
    }
    batch.events.clear();
    if (!as_event.typed) return;
    fits = true;
    if (!as_event.named) {
        nameless = !engage;
        event.name = kIdentify.substr(1, kIdentify.size() - 2);
        event.name_json = kIdentify;
    }
    if (model::ParsedEvent* const place = add_event()) *place = event;
}

Reader::Reader() : impl_(std::make_unique<Impl>()) {}
Reader::~Reader() = default;

model::Result<model::EventBatch> Reader::read(const model::DecodedBody& body, bool engage,
                                              base::Arena& arena, base::Budget* budget) {
    Impl& impl = *impl_;
    impl.arena = &arena;
    impl.batch = {};
    if (budget) {
        impl.batch.events_charge = base::Charge(*budget);
        arena.charge_to(*budget);
    }
    impl.affordable = true;
    impl.fits = impl.nameless = false;
    JsonCursor& json = impl.json;
    json.open(body.text.view());
    impl.expected_events = 1;
    impl.text_size = body.text.size();
    if (json.peek() == '[') {
        impl.fits = impl.read_events();
        impl.batch.is_array = true;
    } else if (json.peek() == '{') {
        impl.read_top_object(engage);
    } else {
        json.skip();
    }
    json.finish();
    json.shrink();
    model::EventBatch batch = std::exchange(impl.batch, {});
    if (!json.ok()) return model::fail(Code::ReqParsing, json.error());
    if (!impl.affordable || arena.exhausted())
        return model::fail(Code::ServiceUnavailable, "memory budget exhausted");
    if (!impl.fits) return model::fail(Code::ReqParsing, std::string(kNoShape));
    if (impl.nameless) return model::fail(Code::ReqHydration, std::string(kNoName));
    return batch;
}

}  // namespace capture::parse::analytics_v0
