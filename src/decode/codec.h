// What the codecs of this room share: how they end, and how their output grows. Internal to decode:
// the gate turns a status into an error of the contract.
#pragma once

#include <cstddef>
#include <cstdint>

namespace capture::decode {

enum class CodecStatus : std::uint8_t {
    Ok,
    Corrupt,          ///< bytes that no encoder writes
    Truncated,        ///< the input ends before its end marker
    BrokenText,       ///< decoded, but an unpaired surrogate is no text (lz-string)
    OverLimit,        ///< the output would pass the cap
    OverLimitAsText,  ///< within the cap in UTF-16 units, beyond it as UTF-8 (lz-string)
    NoMemory,         ///< the budget refuses
};

/// For log lines.
const char* to_text(CodecStatus status);

/// A first capacity of at least `expected` bytes (within reason) from which doubling ends at
/// `limit`, not beyond.
std::size_t first_capacity(std::size_t expected, std::size_t limit);

}  // namespace capture::decode
