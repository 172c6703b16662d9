// Any text through the base64 decoder, against one that works bit by bit.
#include <optional>
#include <string>

#include "decode/base64.h"
#include "fuzz_input.h"

using namespace capture;

namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::optional<std::string> by_bits(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && text.ends_with('=')) {
        text.remove_suffix(1);
        ++padding;
    }
    std::string bytes;
    std::uint32_t held = 0;
    int count = 0;
    for (char const c : text) {
        std::size_t const value = kAlphabet.find(c);
        if (value == std::string_view::npos) return std::nullopt;
        held = (held << 6 | static_cast<std::uint32_t>(value)) & 0xFFFF;
        count += 6;
        if (count >= 8) bytes += static_cast<char>(held >> (count -= 8));
    }
    if (held & ((1u << count) - 1)) return std::nullopt;
    return bytes;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view const text = fuzz::FuzzInput(data, size).rest();
    std::string out(decode::base64_room(text.size()), '\0');
    auto const decoded = decode::decode_base64(text, out.data());
    auto const expected = by_bits(text);
    fuzz::expect(decoded.has_value() == expected.has_value(), "both decode or neither");
    if (decoded) {
        fuzz::expect(std::string_view(out).substr(0, *decoded) == *expected, "the same bytes");
        if (!text.empty())
            fuzz::expect(decode::looks_like_strict_base64(text), "looks like what it is");
    }
    if (decode::looks_like_strict_base64(text)) {
        fuzz::expect(decode::looks_like_loose_base64(text), "strict is loose");
    }
    return 0;
}
