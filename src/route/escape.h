// JSON string escaping, vectorised: `"`, `\` and control characters only, everything else raw.
// Contract 20 §1.
#pragma once

#include <string_view>

#include "base/byte_writer.h"

namespace capture::route {

/// Appends `text` (UTF-8) as the inside of a JSON string, without the quotes.
void append_escaped(base::ByteWriter& out, std::string_view text);

/// The same for a JSON value as the client wrote it, a string with its quotes.
void append_escaped_json(base::ByteWriter& out, std::string_view json);

}  // namespace capture::route
