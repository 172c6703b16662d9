#include "decode/urlencoded.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "base/buffer.h"
#include "decode/utf8.h"

namespace capture::decode {
namespace {

constexpr std::uint8_t kNoDigit = 0xFF;

constexpr std::array<std::uint8_t, 256> kHex = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(kNoDigit);
    for (unsigned i = 0; i < 10; ++i)
        table['0' + i] = static_cast<std::uint8_t>(i);
    for (unsigned i = 0; i < 6; ++i) {
        table['a' + i] = static_cast<std::uint8_t>(10 + i);
        table['A' + i] = static_cast<std::uint8_t>(10 + i);
    }
    return table;
}();

std::uint8_t hex(char c) {
    return kHex[static_cast<std::uint8_t>(c)];
}

/// Non-zero when one of the eight bytes is `c`.
constexpr std::uint64_t has_byte(std::uint64_t word, char c) {
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    std::uint64_t const x = word ^ (kOnes * static_cast<std::uint8_t>(c));
    return (x - kOnes) & ~x & (kOnes << 7);
}

}  // namespace

std::optional<RawPair> PairReader::next() {
    while (!rest_.empty()) {
        std::size_t const end = rest_.find('&');
        std::string_view const pair = rest_.substr(0, end);
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        if (pair.empty()) continue;
        std::size_t const equals = pair.find('=');
        if (equals == std::string_view::npos) return RawPair{pair, {}};
        return RawPair{pair.substr(0, equals), pair.substr(equals + 1)};
    }
    return std::nullopt;
}

std::size_t decode_component(std::string_view in, char* out) {
    const char* from = in.data();
    const char* const end = from + in.size();
    char* to = out;
    while (from != end) {
        // Runs without escapes, eight bytes at a time. `to` is at or before `from`, so a store
        // covers only bytes that this iteration has loaded.
        while (end - from >= 8) {
            std::uint64_t word;
            std::memcpy(&word, from, 8);
            if (has_byte(word, '%') | has_byte(word, '+')) break;
            std::memcpy(to, &word, 8);
            from += 8;
            to += 8;
        }
        if (from == end) break;
        char c = *from++;
        if (c == '+') {
            c = ' ';
        } else if (c == '%' && end - from >= 2 && hex(from[0]) != kNoDigit &&
                   hex(from[1]) != kNoDigit) {
            c = static_cast<char>(hex(from[0]) << 4 | hex(from[1]));
            from += 2;
        }
        *to++ = c;
    }
    return static_cast<std::size_t>(to - out);
}

bool spells(std::string_view raw, std::string_view name) {
    if (raw == name) return true;
    constexpr std::size_t kLongestName = 16;
    char decoded[3 * kLongestName];
    if (raw.size() <= name.size() || raw.size() > sizeof(decoded)) return false;
    return std::string_view(decoded, decode_component(raw, decoded)) == name;
}

std::string decode_text(std::string_view raw) {
    std::string text(raw.size(), '\0');
    text.resize(decode_component(raw, text.data()));
    if (is_utf8(text)) return text;
    base::Buffer repaired;
    (void)append_repaired_utf8(text, repaired);  // no budget, so never refused
    return std::string(repaired.view());
}

}  // namespace capture::decode
