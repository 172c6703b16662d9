// An event's distinct_id as text. Contract 10 §10.2, 40 §7.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "model/event.h"

namespace capture::parse {

inline constexpr std::size_t kMaxDistinctId = 200;  ///< code points

struct DistinctId {
    std::string_view text;  ///< NUL replaced, cut to kMaxDistinctId
    bool truncated = false;
    bool padded = false;  ///< white space at an end
};

/// What an id of nothing but white space means.
enum class BlankId : std::uint8_t { Missing, Kept };

/// Nothing when it is missing. Long-lived parts are views of `event` or go to the arena.
std::optional<DistinctId> distinct_id_of(const model::ParsedEvent& event, BlankId blank,
                                         base::Arena& arena);

/// The id as a JSON string; the client's own bytes where they are the same.
model::RawJson quoted(const model::ParsedEvent& event, const DistinctId& id, base::Arena& arena);

}  // namespace capture::parse
