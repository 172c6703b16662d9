#include "route/record.h"

#include <charconv>
#include <cstring>
#include <limits>
#include <span>

#include "route/escape.h"

namespace capture::route {
namespace {

void append_uuid(base::ByteWriter& out, const base::Uuid& uuid) {
    uuid.format(out.room(base::Uuid::kTextSize));
    out.advance(base::Uuid::kTextSize);
}

void append_joined(base::ByteWriter& out, std::span<const std::string_view> texts) {
    bool first = true;
    for (std::string_view const text : texts) {
        if (!first) out.append(',');
        first = false;
        append_escaped(out, text);
    }
}

/// The `data` text, escaped as it goes: literals are written escaped already.
void write_data(base::ByteWriter& out, const model::EventData& data) {
    out.append('{');
    if (!data.token.empty()) {
        out.append(R"(\"token\":)");
        append_escaped_json(out, data.token);
        out.append(',');
    }
    if (!data.distinct_id.empty()) {
        out.append(R"(\"distinct_id\":)");
        append_escaped_json(out, data.distinct_id);
        out.append(',');
    }
    if (data.uuid) {
        out.append(R"(\"uuid\":\")");
        append_uuid(out, *data.uuid);
        out.append(R"(\",\"event\":)");
    } else {
        out.append(data.items ? R"(\"event\":)" : R"(\"uuid\":null,\"event\":)");
    }
    append_escaped_json(out, data.event);
    out.append(R"(,\"properties\":)");
    if (data.edited) {
        out.append('{');
        append_joined(out, data.members);
        if (data.items) {
            out.append(R"(,\"$snapshot_items\":[)");
            append_joined(out, *data.items);
            out.append(']');
        }
        out.append('}');
    } else if (data.properties.empty()) {
        out.append("{}");
    } else {
        append_escaped(out, data.properties);
    }
    auto const optional_field = [&out](std::string_view name, std::string_view json) {
        if (json.empty()) return;
        out.append(name);
        append_escaped_json(out, json);
    };
    optional_field(R"(,\"timestamp\":)", data.timestamp);
    optional_field(R"(,\"offset\":)", data.offset);
    optional_field(R"(,\"$set\":)", data.set);
    optional_field(R"(,\"$set_once\":)", data.set_once);
    out.append('}');
}

/// Milliseconds since 1970. Of most instants the seconds are 32 bits, and cheaper to write.
char* put_millis(char* out, char* end, base::Instant at) {
    if (at.seconds <= 0 || at.seconds > std::numeric_limits<std::uint32_t>::max())
        return std::to_chars(out, end, at.millis()).ptr;
    out = std::to_chars(out, end, static_cast<std::uint32_t>(at.seconds)).ptr;
    std::uint32_t const millis = at.nanos / 1'000'000;
    *out++ = static_cast<char>('0' + millis / 100);
    *out++ = static_cast<char>('0' + millis / 10 % 10);
    *out++ = static_cast<char>('0' + millis % 10);
    return out;
}

}  // namespace

RequestTexts::RequestTexts(const model::RequestFacts& facts, base::Fraction now_fraction)
    : facts_(facts) {
    now_ = base::format_rfc3339(facts.now, now_fraction, now_text_);
    if (facts.sent_at) {
        sent_at_ = base::format_rfc3339(facts.sent_at->at, base::Fraction::Trimmed, sent_at_text_,
                                        facts.sent_at->offset_minutes);
    }
}

std::size_t value_size_hint(const model::Event& event) {
    constexpr std::size_t kWrapper = 320;
    std::size_t const data_bytes = model::data_size(event.data);
    return kWrapper + 2 * event.distinct_id.size() + 2 * event.name.size() + data_bytes +
           data_bytes / 4;
}

void write_value(base::ByteWriter& out, const model::Event& event, const RequestTexts& texts) {
    out.append(R"({"uuid":")");
    append_uuid(out, event.uuid);
    out.append(R"(","distinct_id":")");
    append_escaped(out, event.distinct_id);
    out.append(R"(","ip":")");
    append_escaped(out, event.ip);
    out.append(R"(","data":")");
    write_data(out, event.data);
    out.append(R"(","now":")");
    out.append(texts.now());
    if (!texts.sent_at().empty()) {
        out.append(R"(","sent_at":")");
        out.append(texts.sent_at());
    }
    out.append(R"(","token":")");
    append_escaped(out, texts.facts().token);
    out.append(R"(","event":")");
    append_escaped(out, event.name);
    out.append(R"(","timestamp":")");
    std::size_t const written = base::format_rfc3339(event.timestamp, base::Fraction::Groups,
                                                     out.room(base::kMaxInstantText))
                                    .size();
    out.advance(written);
    out.append('"');
    if (event.cookieless) out.append(R"(,"is_cookieless_mode":true)");
    if (event.historical()) out.append(R"(,"historical_migration":true)");
    out.append('}');
}

void fill_headers(model::HeaderList& headers, const model::Event& event,
                  const model::Destination& destination, const RequestTexts& texts,
                  base::Instant dlq_time) {
    static constexpr std::string_view kTrue = "true";
    auto const only_if = [](bool set) { return set ? std::optional(kTrue) : std::nullopt; };

    char* cursor = headers.scratch.data();
    char* const end = cursor + headers.scratch.size();
    char* const millis = put_millis(cursor, end, event.timestamp);
    std::string_view const timestamp(cursor, millis);
    cursor = millis;
    event.uuid.format(cursor);
    std::string_view const uuid(cursor, base::Uuid::kTextSize);
    cursor += base::Uuid::kTextSize;

    headers.add("token", texts.facts().token);
    headers.add("distinct_id", event.distinct_id);
    headers.add("session_id", event.session_id);
    headers.add("timestamp", timestamp);
    headers.add("event", event.name);
    headers.add("uuid", uuid);
    headers.add("now", texts.now());
    headers.add("force_disable_person_processing", only_if(destination.person_processing_off));
    headers.add("historical_migration", only_if(event.historical()));
    if (event.skip_heatmap_processing) headers.add("skip_heatmap_processing", kTrue);
    if (destination.dlq) {
        headers.add("dlq_reason", destination.dlq_reason);
        headers.add("dlq_step", "capture");
        headers.add("dlq_timestamp",
                    base::format_rfc3339(dlq_time, base::Fraction::Millis, cursor));
    }
    if (destination.lz4) headers.add("content-encoding", "lz4");
}

std::string_view event_key(const model::Event& event, std::string_view token,
                           std::pmr::string& scratch) {
    std::string_view const rest = event.cookieless ? event.ip : event.distinct_id;
    std::size_t const size = token.size() + 1 + rest.size();
    // libstdc++ may hand the callback more room than was asked for: the size is ours to say.
    scratch.resize_and_overwrite(size, [&](char* key, std::size_t) {
        std::memcpy(key, token.data(), token.size());
        key[token.size()] = ':';
        std::memcpy(key + token.size() + 1, rest.data(), rest.size());
        return size;
    });
    return scratch;
}

std::optional<std::string_view> record_key(const model::Event& event, model::KeyKind kind,
                                           std::string_view token, std::pmr::string& scratch) {
    switch (kind) {
        case model::KeyKind::Null:
            return std::nullopt;
        case model::KeyKind::SessionId:
            return event.session_id;
        case model::KeyKind::Event:
            break;
    }
    return event_key(event, token, scratch);
}

}  // namespace capture::route
