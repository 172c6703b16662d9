#include "parse/analytics_v0/properties.h"

#include <bit>
#include <cstdint>
#include <memory>
#include <optional>

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

Property classify(std::string_view key) {
    using enum Property;
    switch (key.size()) {
        case 3:
            return key == "$ip" ? Ip : Other;
        case 4:
            return key == "$lib" ? Lib : Other;
        case 5:
            return key == "token" ? Token : key == "$host" ? Host : Other;
        case 9:
            return key == "$timezone" ? Timezone : Other;
        case 11:
            if (key == "distinct_id") return DistinctId;
            if (key == "$session_id") return SessionId;
            break;
        case 12:
            if (key == "$current_url") return CurrentUrl;
            if (key == "$lib_version") return LibVersion;
            break;
        case 13:
            if (key == "$heatmap_data") return HeatmapData;
            break;
        case 15:
            if (key == "$viewport_width") return ViewportWidth;
            if (key == "$raw_user_agent") return RawUserAgent;
            if (key == "$ignore_sent_at") return IgnoreSentAt;
            break;
        case 16:
            if (key == "$viewport_height") return ViewportHeight;
            if (key == "$cookieless_mode") return CookielessMode;
            if (key == "capture_internal") return CaptureInternal;
            if (key == "$product_tour_id") return ProductTourId;
            break;
        case 17:
            if (key == "$cookieless_extra") return CookielessExtra;
            break;
        case 23:
            if (key == "$prev_pageview_pathname") return PrevPageviewPathname;
            break;
        case 25:
            if (key == "$prev_pageview_max_scroll") return PrevPageviewMaxScroll;
            break;
        default:
            break;
    }
    return key.starts_with(kGatewayPrefix) ? AiGateway : Other;
}

std::optional<std::string_view> text_of(model::RawJson value, bool escaped, base::Arena& arena) {
    if (value.front() != '"') return std::nullopt;
    return JsonText{value.substr(1, value.size() - 2), escaped}.plain(arena);
}

/// `escaped`: a string with a backslash.
void note(Property property, model::RawJson value, bool escaped, base::Arena& arena,
          model::PropertyFacts& facts) {
    using enum Property;
    switch (property) {
        case Token:
            facts.token = text_of(value, escaped, arena);
            break;
        case DistinctId:
            facts.distinct_id = value == "null" ? model::RawJson() : value;
            break;
        case Lib:
            facts.lib = text_of(value, escaped, arena).value_or(std::string_view());
            break;
        case LibVersion:
            facts.lib_version = text_of(value, escaped, arena).value_or(std::string_view());
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
        bool const escaped = json.escaped();
        model::RawJson const value = json.value();
        if (!json.ok()) return true;
        note(property, value, escaped, arena, facts);
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
