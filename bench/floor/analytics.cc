// The floor's analytics surface: simdjson On-Demand finds the fields of each event as raw slices.
#include <simdjson.h>

#include "floor/surface.h"
#include "route/escape.h"

namespace capture::bench {
namespace {

/// Raw texts; strings with their quotes.
struct Slices {
    std::string_view token, event, distinct_id, properties, timestamp;
};

std::string_view unquoted(std::string_view token) {
    std::size_t const close = token.rfind('"');
    return close == std::string_view::npos || close == 0 ? token : token.substr(1, close - 1);
}

class Analytics final : public Surface {
  private:
    bool parse(std::string_view text) override;
    void write(Records& records) override;
    void write(Records& records, const Slices& event);

    simdjson::ondemand::parser parser_;
    std::vector<Slices> events_;
    std::string_view token_;
};

void take(Slices& slices, simdjson::ondemand::raw_json_string key,
          simdjson::ondemand::value value) {
    if (key == "event") {
        slices.event = unquoted(value.raw_json_token());
    } else if (key == "properties") {
        simdjson::ondemand::object object = value.get_object();
        slices.properties = object.raw_json();
    } else if (key == "distinct_id") {
        slices.distinct_id = unquoted(value.raw_json_token());
    } else if (key == "timestamp") {
        slices.timestamp = unquoted(value.raw_json_token());
    } else if (key == "api_key") {
        slices.token = unquoted(value.raw_json_token());
    }
}

bool Analytics::parse(std::string_view text) try {
    events_.clear();
    simdjson::padded_string_view const padded(text.data(), text.size(),
                                              text.size() + simdjson::SIMDJSON_PADDING);
    auto document = parser_.iterate(padded);
    simdjson::ondemand::object root = document.get_object();
    Slices single;
    for (auto field : root) {
        simdjson::ondemand::raw_json_string const key = field.key();
        if (key == "batch") {
            for (auto element : field.value().get_array()) {
                Slices& slices = events_.emplace_back();
                for (auto member : element.get_object())
                    take(slices, member.key(), member.value());
            }
        } else {
            take(single, key, field.value());
        }
    }
    token_ = single.token;
    if (events_.empty()) events_.push_back(single);
    return !token_.empty() && !events_.front().event.empty();
} catch (const simdjson::simdjson_error&) {
    return false;
}

void Analytics::write(Records& records) {
    records.token = token_;
    for (Slices const& event : events_)
        write(records, event);
}

void Analytics::write(Records& records, const Slices& event) {
    Block& out = records.block;
    std::size_t const begin = out.size();
    auto const add = [&out](std::string_view text) { out.append(text); };
    add(R"({"uuid":")");
    std::size_t const uuid_at = out.size();
    add({uuid(), base::Uuid::kTextSize});
    add(R"(","distinct_id":")"), add(event.distinct_id);
    add(R"(","ip":"127.0.0.1","data":"{)");
    if (!event.token.empty()) add(R"(\"token\":\")"), add(event.token), add(R"(\",)");
    add(R"(\"distinct_id\":\")"), add(event.distinct_id);
    add(R"(\",\"uuid\":null,\"event\":\")"), add(event.event);
    add(R"(\",\"properties\":)");
    route::append_escaped(out, event.properties);
    add(R"(,\"timestamp\":\")"), add(event.timestamp);
    add(R"(\"}","now":")"), add(records.now);
    add(R"(","token":")"), add(token_);
    add(R"(","event":")"), add(event.event);
    add(R"(","timestamp":")"), add(event.timestamp), add(R"("})");
    std::size_t const key = out.size();
    add(token_), add(":"), add(event.distinct_id);
    records.list.push_back({begin, key, out.size(), uuid_at, event.distinct_id, event.event, {}});
}

}  // namespace

std::unique_ptr<Surface> make_analytics() {
    return std::make_unique<Analytics>();
}

}  // namespace capture::bench
