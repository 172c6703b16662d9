// UTF-8: checking, and repairing the way lenient web frameworks do.
#pragma once

#include <string_view>

#include "base/buffer.h"

namespace capture::decode {

/// Whether `bytes` is well-formed UTF-8 (no surrogates, no overlong forms). Vectorised: some 10
/// GB/s.
bool is_utf8(std::string_view bytes);

/// Appends `bytes` to `out` with each ill-formed sequence (maximal subpart) replaced by U+FFFD; at
/// most three times as long. False when the budget refuses.
[[nodiscard]] bool append_repaired_utf8(std::string_view bytes, base::Buffer& out);

}  // namespace capture::decode
