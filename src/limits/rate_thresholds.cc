#include "limits/rate_thresholds.h"

#include <simdjson.h>

#include <charconv>

#include "limits/key_list.h"

namespace capture::limits {
namespace {

constexpr std::string_view kTarget = "capture::limits::rate";

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n\v\f";
    auto const begin = text.find_first_not_of(kBlanks);
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace

std::string_view entity_part(std::string_view distinct_id) {
    if (distinct_id.size() <= kMaxEntityCharacters) return distinct_id;
    std::size_t characters = 0;
    for (std::size_t i = 0; i < distinct_id.size(); ++i) {
        bool const begins = (static_cast<unsigned char>(distinct_id[i]) & 0xc0) != 0x80;
        if (begins && characters++ == kMaxEntityCharacters) return distinct_id.substr(0, i);
    }
    return distinct_id;
}

std::uint64_t entity_hash(std::string_view key, const HashKey& hash_key) {
    auto const colon = key.find(':');
    if (colon == key.npos) return hash_text(key, hash_key);
    return hash_pair(hash_text(key.substr(0, colon), hash_key), key.substr(colon + 1), hash_key);
}

ThresholdList parse_thresholds_csv(std::string_view text, std::string_view variable,
                                   telemetry::Logger& logger) {
    ThresholdList list;
    if (text.empty()) return list;
    for_each_part(text, ',', [&](std::string_view element) {
        auto const equals = element.find('=');
        std::string_view const key = trimmed(element.substr(0, equals));
        std::string_view const value =
            equals == element.npos ? std::string_view() : trimmed(element.substr(equals + 1));
        std::uint64_t limit = 0;
        auto const [end, error] = std::from_chars(value.data(), value.data() + value.size(), limit);
        if (key.empty() || value.empty() || error != std::errc() ||
            end != value.data() + value.size()) {
            logger.error(kTarget, "A threshold is not `key=number` and is skipped",
                         {{"variable", variable}, {"element", element}});
            return;
        }
        list.emplace_back(key, limit);
    });
    return list;
}

std::expected<ThresholdList, std::string> parse_thresholds_json(std::string_view text) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    if (auto const error = parser.parse(text.data(), text.size()).get(root)) {
        return std::unexpected(std::string("not JSON: ") + simdjson::error_message(error));
    }
    simdjson::dom::object fields;
    if (root.get(fields)) return std::unexpected("not an object");
    ThresholdList list;
    for (auto const& [key, value] : fields) {
        std::uint64_t limit = 0;
        if (value.get(limit)) {
            return std::unexpected("the value of `" + std::string(key) +
                                   "` is not a non-negative integer");
        }
        list.emplace_back(key, limit);
    }
    return list;
}

RateThresholds::RateThresholds(const ThresholdList& list, const HashKey& key) {
    by_hash_.reserve(list.size());
    for (auto const& [text, limit] : list)
        by_hash_[entity_hash(text, key)] = limit;
}

ThresholdRefresher::ThresholdRefresher(std::string redis_key, std::string_view scope,
                                       const HashKey& hash_key, const Probe& probe,
                                       telemetry::Logger& logger, const base::Clock& clock,
                                       Snapshot<RateThresholds>& target)
    : redis_key_(std::move(redis_key)),
      hash_key_(hash_key),
      logger_(logger),
      clock_(clock),
      target_(target),
      age_("custom_thresholds", probe, clock),
      loaded_(probe.registry.gauges(metrics::kThresholdsLoaded).with({scope})),
      refreshed_(probe.registry.gauges(metrics::kThresholdsRefreshed).with({scope})),
      success_(probe.thresholds_fetch.with({"success"})),
      not_found_(probe.thresholds_fetch.with({"not_found"})),
      error_(probe.thresholds_fetch.with({"error"})),
      parse_error_(probe.thresholds_fetch.with({"parse_error"})) {
    loaded_.set(static_cast<double>(target_.load()->size()));
}

base::Task<void> ThresholdRefresher::refresh(redis::Store& store) {
    std::string key = redis_key_;
    auto value = co_await redis::get(store, std::move(key));
    if (!value) {
        error_.add();
        age_.failed();
        logger_.error(kTarget, "Could not read the custom thresholds, the last ones stay",
                      {{"key", redis_key_}, {"cause", value.error().message}});
        co_return;
    }
    if (!value->has_value()) {
        not_found_.add();
        age_.refreshed();  // read, and found to be absent
        co_return;
    }
    if (**value != last_) {
        auto const list = parse_thresholds_json(**value);
        if (!list) {
            parse_error_.add();
            age_.failed();
            logger_.error(kTarget, "The custom thresholds are malformed, the last ones stay",
                          {{"key", redis_key_}, {"cause", list.error()}});
            co_return;
        }
        last_ = std::move(**value);
        target_.publish(std::make_shared<const RateThresholds>(*list, hash_key_));
    }
    success_.add();
    age_.refreshed();
    loaded_.set(static_cast<double>(target_.load()->size()));
    refreshed_.set(static_cast<double>(clock_.now().seconds));
}

}  // namespace capture::limits
