// What the readers of all surfaces share: the cursor, the batch that grows under the budget, and
// the members of an event object with their names and types. Contract 10 §7, 40 §4.
//
// A surface's reader derives from this, decides which fields its events have, reads those that only
// it knows, and hands the others to read_common(). Inside the parse room.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/budget.h"
#include "model/body.h"
#include "model/error.h"
#include "model/event.h"
#include "parse/json.h"

namespace capture::parse {

/// A member of a request's objects, under any of its names.
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
Field classify(std::string_view key);

/// Which fields an object has had so far.
class SeenFields {
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
    SeenFields seen;
    bool typed = true;   ///< every known field but `event` has its type and came once
    bool named = false;  ///< `event` came once and is a string
};

/// How surfaces differ.
struct EventRules {
    bool empty_uuid_is_absent = true;
    std::size_t event_bytes = sizeof(model::ParsedEvent);  ///< what one more event costs
};

class EventReader {
  protected:
    explicit EventReader(const EventRules& event_rules) : rules(event_rules) {}

    void begin(const model::DecodedBody& body, base::Arena& request_arena, base::Budget* budget);
    /// The batch, or why there is none. `fits`: some shape does.
    model::Result<model::EventBatch> end(bool fits);

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
    void set_token(model::ParsedEvent& event, const std::optional<JsonText>& text) {
        if (!text) return;
        event.token = text->plain(*arena);
        event.token_json = text->raw();
    }

    /// Notes that a known field comes; false (and it is passed) when it came before.
    bool first_time(Field field, EventShape& shape) {
        if (shape.seen.add(field)) return true;
        (field == Field::Event ? shape.named : shape.typed) = false;
        json.skip();
        return false;
    }
    /// Token, DistinctId, Uuid, Event, Timestamp and Offset.
    void read_common(Field field, EventShape& shape, model::ParsedEvent& event);
    /// Makes room for one more event; false when the budget refuses.
    bool afford_event();
    /// Passes an array of events, each read by `read_one(event)`, which says whether it is one.
    /// False when an element is none.
    template <typename ReadOne>
    bool read_events(ReadOne read_one) {
        bool fit = true;
        expected_events = std::clamp<std::size_t>(text_size / 1024, 1, 64);
        json.enter_array();
        while (json.next_element()) {
            if (!fit || json.peek() != '{' || !afford_event()) {
                fit = false;
                json.skip();
                continue;
            }
            fit = read_one(batch.events.emplace_back());
        }
        return fit;
    }

    JsonCursor json;
    const EventRules rules;
    base::Arena* arena = nullptr;
    model::EventBatch batch;
    std::size_t expected_events = 1;
    std::size_t text_size = 0;
    bool affordable = true;
};

}  // namespace capture::parse
