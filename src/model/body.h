// What the decode room hands on.
#pragma once

#include <cstdint>

#include "base/buffer.h"

namespace capture::model {

enum class Compression : std::uint8_t { None, Gzip, LzString };

/// The payload as validated UTF-8 text, with base::Buffer::kSlack readable bytes after its end.
/// Owns its memory; events are views into it.
struct DecodedBody {
    base::Buffer text;
    Compression compression = Compression::None;
    std::size_t wire_bytes = 0;  ///< payload size before decompression
};

}  // namespace capture::model
