// The compact text of a JSON value as upstream prints it: keys sorted, of duplicates the last, no
// blanks, numbers in their shortest form. It becomes a distinct_id (contract 10 §10.2), so two
// spellings of one value must give one text.
#pragma once

#include <cstddef>
#include <string>

#include "model/event.h"

namespace capture::parse {

/// Prints a validated value. Stops once more than `limit` bytes are written, so time and memory do
/// not follow the value's size: of each object only as many keys are kept as can matter.
std::string compact_json(model::RawJson value, std::size_t limit);

/// A number as upstream prints it: integers of 64 bits as they are, others as the shortest double
/// (`1000.0`, `1e30`). A number that no double holds keeps its text.
std::string canonical_number(std::string_view text);

}  // namespace capture::parse
