// An event's distinct_id as text. Contract 10 §10.2.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "model/event.h"

namespace capture::parse::analytics_v0 {

inline constexpr std::size_t kMaxDistinctId = 200;  ///< code points

struct DistinctId {
    std::string_view text;  ///< NUL replaced, cut to kMaxDistinctId
    bool truncated = false;
    std::uint32_t length = 0;  ///< code points before the cut; 0 when uncut, or not a JSON string
    bool padded = false;       ///< white space at an end
};

/// Nothing when it is missing or blank. Long-lived parts are views of `event` or go to the arena.
std::optional<DistinctId> distinct_id_of(const model::ParsedEvent& event, base::Arena& arena);

}  // namespace capture::parse::analytics_v0
