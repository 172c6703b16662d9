#include "decode/urlencoded.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/buffer.h"
#include "decode/utf8.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

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

/// The character that an escape at `at` (`%` or `+`) stands for; moves `at` behind it.
char unescape(const char*& at, const char* end) {
    char const c = *at++;
    if (c == '+') return ' ';
    if (end - at < 2) return c;
    std::uint8_t const high = hex(at[0]);
    std::uint8_t const low = hex(at[1]);
    if (high == kNoDigit || low == kNoDigit) return c;
    at += 2;
    return static_cast<char>(high << 4 | low);
}

#ifdef __AVX2__
constexpr std::ptrdiff_t kBlock = 32;

void copy_block(const char* from, char* to) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

std::uint32_t find_escapes(const char* block) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));
    const __m256i percent = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('%'));
    const __m256i plus = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('+'));
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_or_si256(percent, plus)));
}

/// Decodes in steps of 32 bytes as far as it can: not the last two blocks, because runs between
/// escapes are copied as whole blocks, and, when decoding in place, not while the output is less
/// than a block behind, because such a copy would reach what is still to be read.
void decode_blocks(const char*& from, const char* end, char*& to) {
    while (end - from >= 2 * kBlock) {
        std::uint32_t escapes = find_escapes(from);
        if (escapes == 0) {
            copy_block(from, to);
            from += kBlock;
            to += kBlock;
            continue;
        }
        auto const behind =
            reinterpret_cast<std::uintptr_t>(from) - reinterpret_cast<std::uintptr_t>(to);
        if (behind < kBlock) return;

        const char* const block = from;
        for (; escapes != 0; escapes &= escapes - 1) {
            const char* const escape = block + std::countr_zero(escapes);
            copy_block(from, to);
            to += escape - from;
            from = escape;
            *to++ = unescape(from, end);
        }
        if (std::ptrdiff_t const rest = block + kBlock - from; rest > 0) {
            copy_block(from, to);
            from += rest;
            to += rest;
        }
    }
}
#else
void decode_blocks(const char*&, const char*, char*&) {}
#endif

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
    for (;;) {
        decode_blocks(from, end, to);
        if (from == end) return static_cast<std::size_t>(to - out);
        *to++ = *from == '%' || *from == '+' ? unescape(from, end) : *from++;
    }
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
