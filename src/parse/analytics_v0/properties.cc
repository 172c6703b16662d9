#include "parse/analytics_v0/properties.h"

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>

#include "parse/json_text.h"

namespace capture::parse::analytics_v0 {
namespace {

constexpr std::string_view kGatewayPrefix = "$ai_gateway";

/// A key somebody asks for. The first ones are the indexes of kHeatmapProperties.
enum class Property : std::uint8_t {
    HeatmapData,
    ViewportHeight,
    ViewportWidth,
    SessionId,
    PrevPageviewPathname,
    PrevPageviewMaxScroll,
    CurrentUrl,
    RawUserAgent,
    Ip,
    Host,
    Timezone,
    CookielessExtra,
    CookielessMode,
    Token,
    DistinctId,
    Lib,
    LibVersion,
    IgnoreSentAt,
    CaptureInternal,
    ProductTourId,
    AiGateway,
    Other,
};
static_assert(static_cast<std::size_t>(Property::Token) == kHeatmapProperties.size());

struct Known {
    std::string_view key;
    Property property = Property::Other;
};
constexpr std::array kKnown = std::to_array<Known>({
    {"$heatmap_data", Property::HeatmapData},
    {"$viewport_height", Property::ViewportHeight},
    {"$viewport_width", Property::ViewportWidth},
    {"$session_id", Property::SessionId},
    {"$prev_pageview_pathname", Property::PrevPageviewPathname},
    {"$prev_pageview_max_scroll", Property::PrevPageviewMaxScroll},
    {"$current_url", Property::CurrentUrl},
    {"$raw_user_agent", Property::RawUserAgent},
    {"$ip", Property::Ip},
    {"$host", Property::Host},
    {"$timezone", Property::Timezone},
    {"$cookieless_extra", Property::CookielessExtra},
    {"$cookieless_mode", Property::CookielessMode},
    {"token", Property::Token},
    {"distinct_id", Property::DistinctId},
    {"$lib", Property::Lib},
    {"$lib_version", Property::LibVersion},
    {"$ignore_sent_at", Property::IgnoreSentAt},
    {"capture_internal", Property::CaptureInternal},
    {"$product_tour_id", Property::ProductTourId},
});

/// Nearly all keys are nobody's: a table in which every known key has a place of its own tells them
/// by one comparison.
constexpr std::size_t place_of(std::string_view key) {
    auto const at = [key](std::size_t i) { return static_cast<unsigned char>(key[i]); };
    return (key.size() + 3U * at(key.size() - 1) + 5U * at(key.size() / 2)) % 64;
}
constexpr std::array<Known, 64> place_known() {
    std::array<Known, 64> places{};
    for (Known const& known : kKnown) {
        Known& place = places[place_of(known.key)];
        if (!place.key.empty()) throw "two keys have the same place: choose other factors";
        place = known;
    }
    return places;
}
constexpr auto kPlaces = place_known();

Property classify(std::string_view key) {
    if (key.empty()) return Property::Other;
    Known const& known = kPlaces[place_of(key)];
    if (known.key == key) return known.property;
    return key.starts_with(kGatewayPrefix) ? Property::AiGateway : Property::Other;
}

void note(Property property, model::RawJson value, base::Arena& arena,
          model::PropertyFacts& facts) {
    using enum Property;
    switch (property) {
        case Token:
            facts.token = text_of(value, arena);
            break;
        case DistinctId:
            facts.distinct_id = value == "null" ? model::RawJson() : value;
            break;
        case Lib:
            facts.lib = text_of(value, arena).value_or(std::string_view());
            break;
        case LibVersion:
            facts.lib_version = text_of(value, arena).value_or(std::string_view());
            break;
        case IgnoreSentAt:
            facts.ignore_sent_at = value == "true";
            break;
        case CookielessMode:
            facts.cookieless = value == "true"    ? model::Cookieless::True
                               : value == "false" ? model::Cookieless::False
                                                  : model::Cookieless::Invalid;
            break;
        case CaptureInternal:
            facts.capture_internal = true;
            break;
        case ProductTourId:
            facts.product_tour_id = true;
            break;
        case HeatmapData:
            facts.heatmap_data = true;
            break;
        case PrevPageviewPathname:
            facts.prev_pageview_pathname = true;
            break;
        case CurrentUrl:
            facts.current_url = true;
            break;
        case AiGateway:
            facts.ai_gateway = true;
            break;
        default:
            break;
    }
}

}  // namespace

bool PropertyReader::read(JsonCursor& json, base::Arena& arena, base::Charge& charge,
                          model::ParsedEvent& event) {
    model::PropertyFacts& facts = event.facts;
    const char* const begin = json.here();
    heatmap_seen_ = 0;
    cuts_.clear();
    bool affordable = true;
    json.enter_object();
    JsonText key;
    while (json.next_key(key)) {
        Property const property = classify(key.escaped ? key.plain(arena) : key.text);
        if (property == Property::Other) [[likely]] {
            json.skip();
            continue;
        }
        model::RawJson const value = json.value();
        if (!json.ok()) return true;
        note(property, value, arena, facts);
        std::string_view const member(key.raw().data(), value.data() + value.size());
        if (property <= Property::CookielessMode) {
            auto const index = static_cast<std::size_t>(property);
            heatmap_[index] = member;
            heatmap_seen_ |= 1U << index;
        }
        if (property == Property::HeatmapData || property == Property::AiGateway) {
            affordable = affordable && add_cut(member, property == Property::AiGateway, charge);
        }
    }
    if (!json.ok()) return true;
    event.properties = {begin, json.closed()};
    bool const may_split =
        facts.heatmap_data || (facts.prev_pageview_pathname && facts.current_url);
    if (may_split || !cuts_.empty()) affordable = affordable && make_parts(arena, charge, facts);
    return affordable;
}

/// A cut costs its place here, its copy in the arena, and the piece of properties that processing
/// keeps before it.
bool PropertyReader::add_cut(std::string_view member, bool gateway, base::Charge& charge) {
    if (!charge.add(2 * sizeof(model::PropertyParts::Cut) + sizeof(std::string_view))) return false;
    cuts_.push_back({member, gateway});
    return true;
}

bool PropertyReader::make_parts(base::Arena& arena, base::Charge& charge,
                                model::PropertyFacts& facts) {
    auto const kept = static_cast<std::size_t>(std::popcount(heatmap_seen_));
    // A split makes a second event of this one.
    if (!charge.add(sizeof(model::PropertyParts) + kept * sizeof(std::string_view) +
                    sizeof(model::Event)))
        return false;
    auto const heatmap = arena.array<std::string_view>(kept);
    std::size_t next = 0;
    for (std::size_t i = 0; i < heatmap_.size(); ++i) {
        if (heatmap_seen_ >> i & 1U) std::construct_at(&heatmap[next++], heatmap_[i]);
    }
    auto const cuts = arena.array<model::PropertyParts::Cut>(cuts_.size());
    std::ranges::uninitialized_copy(cuts_, cuts);
    facts.parts = std::construct_at(arena.array<model::PropertyParts>(1).data(), heatmap, cuts);
    if (cuts_.capacity() > 4096) cuts_ = {};
    return true;
}

}  // namespace capture::parse::analytics_v0
