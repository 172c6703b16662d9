// Decodes what lz-string's compressToBase64 writes, straight to UTF-8. Contract 10 §6.5.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/buffer.h"
#include "decode/codec.h"

namespace capture::decode {

/// Replaces the content of `out` by the text of `in`; what stands after the end marker is ignored.
/// `cap` (at most 1 GiB) holds for the text in UTF-16 units, counted while it is produced, and
/// again for the text in UTF-8. The dictionary is charged to the budget of `out` as well, 8 bytes
/// per code.
///
/// OverLimit and OverLimitAsText: out.size() is about what had been produced. The other errors: the
/// content of `out` means nothing.
CodecStatus decode_lz_string(std::string_view in, std::size_t cap, base::Buffer& out);

}  // namespace capture::decode
