#include <simdjson.h>

#include <algorithm>

#include "limits/restrictions.h"

namespace capture::limits {
namespace {

namespace dom = simdjson::dom;
using Failure = std::unexpected<std::string>;

std::optional<std::uint8_t> pipeline_bit(std::string_view name) {
    auto const bit = [](RestrictionPipeline p) {
        return static_cast<std::uint8_t>(1u << static_cast<unsigned>(p));
    };
    if (name == "analytics") return bit(RestrictionPipeline::Analytics);
    if (name == "session_recordings") return bit(RestrictionPipeline::SessionRecordings);
    if (name == "ai") return bit(RestrictionPipeline::Ai);
    if (name == "errortracking" || name == "error_tracking")
        return bit(RestrictionPipeline::ErrorTracking);
    return std::nullopt;
}

/// Null counts as empty.
bool read_texts(dom::element value, std::vector<std::string>& out) {
    if (value.is_null()) return true;
    dom::array items;
    if (value.get(items)) return false;
    for (dom::element const item : items) {
        std::string_view text;
        if (item.get(text)) return false;
        out.emplace_back(text);
    }
    std::ranges::sort(out);
    return true;
}

struct Entry {
    Restriction rule;
    bool has_token = false;
    std::optional<std::int64_t> version;
    std::vector<std::string> pipelines;
};

/// The name of the field that is wrong; empty when all is well.
std::string_view read_field(std::string_view name, dom::element value, Entry& entry) {
    Restriction& rule = entry.rule;
    auto const integer = [&](std::int64_t& out) {
        if (!value.get(out)) return true;
        std::uint64_t large = 0;  // beyond the signed range: never 2, sorts last
        if (value.get(large)) return false;
        out = INT64_MAX;
        return true;
    };
    if (name == "version") {
        if (value.is_null()) return {};
        std::int64_t number = 0;
        if (!integer(number)) return "version";
        entry.version = number;
    } else if (name == "token") {
        std::string_view text;
        if (value.get(text)) return "token";
        rule.token = text;
        entry.has_token = true;
    } else if (name == "pipelines") {
        if (!read_texts(value, entry.pipelines)) return "pipelines";
    } else if (name == "distinct_ids") {
        if (!read_texts(value, rule.distinct_ids)) return "distinct_ids";
    } else if (name == "session_ids") {
        if (!read_texts(value, rule.session_ids)) return "session_ids";
    } else if (name == "event_names") {
        if (!read_texts(value, rule.event_names)) return "event_names";
    } else if (name == "event_uuids") {
        if (!read_texts(value, rule.event_uuids)) return "event_uuids";
    } else if (name == "index") {
        if (!value.is_null() && !integer(rule.index)) return "index";
    } else if (name == "args") {
        std::string_view topic;
        if (!value.at_key("topic").get(topic)) rule.topic = topic;
    }
    return {};
}

}  // namespace

std::expected<std::vector<Restriction>, std::string> parse_restrictions(RestrictionType type,
                                                                        std::string_view json,
                                                                        std::uint8_t served,
                                                                        std::size_t& rejected) {
    dom::parser parser;
    dom::element root;
    if (auto const error = parser.parse(json.data(), json.size()).get(root)) {
        return Failure(std::string("not JSON: ") + simdjson::error_message(error));
    }
    dom::array entries;
    if (root.get(entries)) return Failure("not an array");
    std::vector<Restriction> rules;
    std::size_t position = 0;
    for (dom::element const item : entries) {
        dom::object fields;
        if (item.get(fields))
            return Failure("entry " + std::to_string(position) + " is not an object");
        Entry entry;
        for (auto const& [name, value] : fields) {
            auto const wrong = read_field(name, value, entry);
            if (wrong.empty()) continue;
            return Failure("entry " + std::to_string(position) + " has a bad `" +
                           std::string(wrong) + "`");
        }
        if (!entry.has_token)
            return Failure("entry " + std::to_string(position) + " has no `token`");
        ++position;
        if (entry.version != 2) continue;
        for (const std::string& pipeline : entry.pipelines) {
            auto const bit = static_cast<std::uint8_t>(pipeline_bit(pipeline).value_or(0) & served);
            entry.rule.pipelines |= bit;
        }
        if (entry.rule.pipelines == 0) continue;
        if (type == RestrictionType::RedirectToTopic && entry.rule.topic.empty()) {
            ++rejected;
            continue;
        }
        entry.rule.type = type;
        rules.push_back(std::move(entry.rule));
    }
    return rules;
}

}  // namespace capture::limits
