// Standard base64, strictly canonical, and the tests by which the gate guesses that a text is
// base64. Contract 10 §6.2.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace capture::decode {

/// How much of a payload the guesses below look at.
inline constexpr std::size_t kSniffBytes = 128;

/// Not empty, a length divisible by 4, and the first kSniffBytes all in `A-Z a-z 0-9 + / =`.
bool looks_like_strict_base64(std::string_view text);
/// The same, but blanks pass too (a `+` that form decoding has turned into a blank).
bool looks_like_loose_base64(std::string_view text);

/// How many bytes decode_base64 may write for a text of that size: a little more than it decodes
/// to.
constexpr std::size_t base64_room(std::size_t text_size) {
    return text_size / 4 * 3 + 32;
}

/// Decodes the whole text: standard alphabet, length divisible by 4, canonical padding, unused bits
/// zero. Nothing for any other text; `out` (base64_room(text.size()) bytes, apart from `text`) then
/// holds rubbish.
std::optional<std::size_t> decode_base64(std::string_view text, char* out);

}  // namespace capture::decode
