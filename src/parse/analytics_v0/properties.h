// The one walk over an event's `properties`: validates them and collects what later stages ask for.
// Contract 10 §10.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/budget.h"
#include "model/event.h"
#include "parse/json.h"

namespace capture::parse::analytics_v0 {

/// The properties that a synthetic `$$heatmap` event keeps (contract 10 §10.4).
inline constexpr std::array<std::string_view, 13> kHeatmapProperties{
    "$heatmap_data",
    "$viewport_height",
    "$viewport_width",
    "$session_id",
    "$prev_pageview_pathname",
    "$prev_pageview_max_scroll",
    "$current_url",
    "$raw_user_agent",
    "$ip",
    "$host",
    "$timezone",
    "$cookieless_extra",
    "$cookieless_mode",
};

/// Keeps its scratch memory between events; one thread at a time.
class PropertyReader {
  public:
    /// Reads the object at the cursor into `event.properties` and `event.facts`. What is made for
    /// processing besides goes to the arena, charged to `charge`; false when the budget refuses.
    /// JSON errors are the cursor's.
    bool read(JsonCursor& json, base::Arena& arena, base::Charge& charge,
              model::ParsedEvent& event);

  private:
    bool add_cut(std::string_view member, bool gateway, base::Charge& charge);
    bool make_parts(base::Arena& arena, base::Charge& charge, model::PropertyFacts& facts);

    std::array<std::string_view, kHeatmapProperties.size()>
        heatmap_;  ///< valid where `heatmap_seen_` has a bit
    std::uint32_t heatmap_seen_ = 0;
    std::vector<model::PropertyParts::Cut> cuts_;
};

}  // namespace capture::parse::analytics_v0
