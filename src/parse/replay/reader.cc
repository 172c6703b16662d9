#include "parse/replay/reader.h"

#include "parse/event_reader.h"
#include "parse/json_text.h"
#include "parse/timestamp.h"
#include "parse/token.h"

namespace capture::parse::replay {
namespace {

using model::Code;

enum class Property : std::uint8_t {
    SessionId,
    WindowId,
    SnapshotData,
    SnapshotSource,
    SnapshotHost,
    Lib,
    LibVersion,
    CookielessMode,
    IgnoreSentAt,
    DistinctId,
    Token,
    Other,
};

Property classify_property(std::string_view key) {
    using enum Property;
    switch (key.size()) {
        case 4:
            return key == "$lib" ? Lib : Other;
        case 5:
            return key == "token" ? Token : Other;
        case 10:
            return key == "$window_id" ? WindowId : Other;
        case 11:
            return key == "$session_id" ? SessionId : key == "distinct_id" ? DistinctId : Other;
        case 12:
            return key == "$lib_version" ? LibVersion : Other;
        case 14:
            return key == "$snapshot_data"   ? SnapshotData
                   : key == "$snapshot_host" ? SnapshotHost
                                             : Other;
        case 15:
            return key == "$ignore_sent_at" ? IgnoreSentAt : Other;
        case 16:
            return key == "$snapshot_source"   ? SnapshotSource
                   : key == "$cookieless_mode" ? CookielessMode
                                               : Other;
        default:
            return Other;
    }
}

bool is_text(model::RawJson value) {
    return value.starts_with('"');
}

}  // namespace

struct Reader::Impl : EventReader {
    Impl()
        : EventReader({.empty_uuid_is_absent = false,
                       // and its place among the items
                       .event_bytes = sizeof(model::ParsedEvent) + sizeof(model::SnapshotFacts) +
                                      sizeof(std::string_view)}) {}

    bool read_event(model::ParsedEvent& event);
    void read_field(Field field, EventShape& shape, model::ParsedEvent& event,
                    model::SnapshotFacts& snapshot);
    /// False when a property has not the type it must have.
    bool read_properties(model::PropertyFacts& facts, model::SnapshotFacts& snapshot);
    bool note(Property property, const model::SnapshotFacts::Property& seen,
              model::PropertyFacts& facts, model::SnapshotFacts& snapshot);
    void mark_mobile();
    model::Result<model::EventBatch> read(const model::DecodedBody& body,
                                          base::Arena& request_arena, base::Budget* budget);
};

bool Reader::Impl::read_event(model::ParsedEvent& event) {
    auto& snapshot = *std::construct_at(arena->array<model::SnapshotFacts>(1).data());
    event.facts.snapshot = &snapshot;
    EventShape shape;
    json.enter_object();
    JsonText key;
    while (json.next_key(key))
        read_field(classify(key.plain(*arena)), shape, event, snapshot);
    return shape.typed && shape.named;
}

void Reader::Impl::read_field(Field field, EventShape& shape, model::ParsedEvent& event,
                              model::SnapshotFacts& snapshot) {
    using enum Field;
    if (field > Offset && field != SentAt) return json.skip();
    if (!first_time(field, shape)) return;
    switch (field) {
        case Properties:
            if (json.peek() == '{') {
                shape.typed &= read_properties(event.facts, snapshot);
            } else {
                shape.typed = false;
                json.skip();
            }
            break;
        case SentAt: {
            bool any = true;  // whatever it is, it does not refuse the event
            if (auto const text = read_text(any))
                snapshot.sent_at = parse_sent_at(text->plain(*arena));
            break;
        }
        default:
            read_common(field, shape, event);
    }
}

bool Reader::Impl::read_properties(model::PropertyFacts& facts, model::SnapshotFacts& snapshot) {
    bool typed = true;
    json.enter_object();
    JsonText key;
    while (json.next_key(key)) {
        Property const property = classify_property(key.plain(*arena));
        if (property == Property::Other) {
            json.skip();
            continue;
        }
        model::RawJson const value = json.value();
        if (!json.ok()) break;
        model::SnapshotFacts::Property seen;
        if (value != "null") {
            seen.value = value;
            seen.member = {key.raw().data(), value.data() + value.size()};
        }
        typed &= note(property, seen, facts, snapshot);
    }
    return typed;
}

bool Reader::Impl::note(Property property, const model::SnapshotFacts::Property& seen,
                        model::PropertyFacts& facts, model::SnapshotFacts& snapshot) {
    using enum Property;
    bool const truth = seen.value == "true";
    switch (property) {
        case SessionId:
            snapshot.session_id = seen;
            return true;
        case WindowId:
            snapshot.window_id = seen;
            return true;
        case SnapshotData:
            snapshot.data = seen.value;
            return true;
        case SnapshotSource:
            snapshot.source = seen.value;
            return true;
        case SnapshotHost:
            snapshot.host = is_text(seen.value) ? seen : model::SnapshotFacts::Property();
            return true;
        case DistinctId:
            facts.distinct_id = seen.value;
            return true;
        case Lib:
            snapshot.lib = seen;
            facts.lib = text_of(seen.value, *arena).value_or(std::string_view());
            return is_text(seen.value);
        case LibVersion:
            facts.lib_version = text_of(seen.value, *arena).value_or(std::string_view());
            return is_text(seen.value);
        case Token:
            facts.token = text_of(seen.value, *arena);
            return facts.token || seen.value.empty();
        case CookielessMode:
            facts.cookieless = truth ? model::Cookieless::True : model::Cookieless::False;
            return truth || seen.value == "false";
        case IgnoreSentAt:
            facts.ignore_sent_at = truth;
            return truth || seen.value == "false";
        case Other:
            break;
    }
    return true;
}

/// The first event speaks for all (contract 40 §19).
void Reader::Impl::mark_mobile() {
    auto const source = text_of(batch.events.front().facts.snapshot->source, *arena);
    if (source != "mobile") return;
    for (model::ParsedEvent& event : batch.events)
        event.facts.mobile = true;
}

model::Result<model::EventBatch> Reader::Impl::read(const model::DecodedBody& body,
                                                    base::Arena& request_arena,
                                                    base::Budget* budget) {
    begin(body, request_arena, budget);
    bool fits = false;
    if (json.peek() == '[') {
        fits = read_events([this](model::ParsedEvent& event) { return read_event(event); });
    } else if (json.peek() == '{') {
        fits = afford_event();
        if (fits)
            fits = read_event(batch.events.emplace_back());
        else
            json.skip();
    } else {
        json.skip();
    }
    if (fits && json.ok() && !batch.events.empty()) mark_mobile();
    auto done = end(fits);
    if (done && done->events.empty()) return model::fail(Code::EmptyBatch);
    return done;
}

Reader::Reader() : impl_(std::make_unique<Impl>()) {}
Reader::~Reader() = default;

model::Result<model::EventBatch> Reader::read(const model::DecodedBody& body, base::Arena& arena,
                                              base::Budget* budget) {
    return impl_->read(body, arena, budget);
}

model::Result<std::string_view> request_token(const model::EventBatch& batch) {
    auto const& token = token_of(batch.events.front());
    if (!token) return model::fail(Code::NoToken);
    return checked_token(*token);
}

}  // namespace capture::parse::replay
