// The permissive part of event timestamps: everything that timestamp.h lists besides RFC 3339 and
// plain digits.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace capture::parse {

std::optional<base::Instant> parse_loose_date(std::string_view text, base::Instant now);

}  // namespace capture::parse
