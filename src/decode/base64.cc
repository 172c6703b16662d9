#include "decode/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace capture::decode {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint32_t kInvalid = 0xFF000000;

/// The value of a character, already shifted to its place in the 24-bit group: four look-ups and
/// three ORs decode four characters, and a bit above the 24 says that one of them was none of the
/// alphabet.
using Table = std::array<std::uint32_t, 256>;

constexpr Table make_table(int shift) {
    Table table{};
    table.fill(kInvalid);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        table[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint32_t>(i) << shift;
    }
    return table;
}
constexpr Table kFirst = make_table(18);
constexpr Table kSecond = make_table(12);
constexpr Table kThird = make_table(6);
constexpr Table kFourth = make_table(0);

/// 24 bits, or something with a bit of kInvalid.
std::uint32_t group(const char* at) {
    auto const c = [at](int i) { return static_cast<std::uint8_t>(at[i]); };
    return kFirst[c(0)] | kSecond[c(1)] | kThird[c(2)] | kFourth[c(3)];
}

#ifdef __AVX2__
// How 32 characters are checked at once: a character's class follows from its high half. One table
// by high half gives the bit of the class, one by low half the classes in which that low half is
// foreign: an AND that is not zero means a foreign character.
using HalfTable = std::array<std::uint8_t, 16>;

constexpr HalfTable kClassOfHigh = [] {
    constexpr std::uint8_t kNone = 0x01;
    constexpr std::uint8_t kSymbol = 0x02;  // 0x2_: + /
    constexpr std::uint8_t kDigit = 0x04;   // 0x3_
    constexpr std::uint8_t kEarly = 0x08;   // 0x4_, 0x6_: A … O, a … o
    constexpr std::uint8_t kLate = 0x10;    // 0x5_, 0x7_: P … Z, p … z
    return HalfTable{kNone, kNone, kSymbol, kDigit, kEarly, kLate, kEarly, kLate,
                     kNone, kNone, kNone,   kNone,  kNone,  kNone, kNone,  kNone};
}();

constexpr HalfTable kForeignByLow = [] {
    HalfTable table{};
    for (std::size_t c = 0; c < 256; ++c) {
        bool const foreign = kAlphabet.find(static_cast<char>(c)) == std::string_view::npos;
        if (foreign) table[c & 0x0F] |= kClassOfHigh[c >> 4];
    }
    return table;
}();

__m256i load_twice(const HalfTable& table) {
    return _mm256_broadcastsi128_si256(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data())));
}

/// Decodes 32 characters to 24 bytes (and writes 32) per step while at least `keep` characters
/// remain; returns how many it took. Stops in front of a block with a foreign character.
std::size_t decode_blocks(std::string_view text, char* out, std::size_t keep) {
    const __m256i class_of_high = load_twice(kClassOfHigh);
    const __m256i foreign_by_low = load_twice(kForeignByLow);
    // By high half, what to add to a character to get its value. `/` shares its high half with `+`
    // and uses row 1, where no character of the alphabet is.
    const __m256i to_value = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0, 63 - '/', 62 - '+', 52 - '0', -'A', -'A', 26 - 'a', 26 - 'a', 0, 0, 0, 0, 0, 0, 0, 0));
    const __m256i low_half = _mm256_set1_epi8(0x0F);
    const __m256i slash = _mm256_set1_epi8('/');
    const __m256i pack = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
    const __m256i join = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);

    std::size_t taken = 0;
    for (; text.size() - taken >= 32 + keep; taken += 32, out += 24) {
        const __m256i in =
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + taken));
        const __m256i high = _mm256_and_si256(_mm256_srli_epi32(in, 4), low_half);
        const __m256i low = _mm256_and_si256(in, low_half);
        const __m256i kind = _mm256_shuffle_epi8(class_of_high, high);
        if (!_mm256_testz_si256(kind, _mm256_shuffle_epi8(foreign_by_low, low))) break;

        const __m256i row = _mm256_add_epi8(high, _mm256_cmpeq_epi8(in, slash));
        const __m256i values = _mm256_add_epi8(in, _mm256_shuffle_epi8(to_value, row));
        // Four 6-bit values: first two pairs of 12 bits, then 24 bits, then the bytes in order.
        const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
        const __m256i groups = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
        const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(groups, pack), join);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), bytes);
    }
    return taken;
}
#else
std::size_t decode_blocks(std::string_view, char*, std::size_t) {
    return 0;
}
#endif

constexpr std::array<bool, 256> kStrict = [] {
    std::array<bool, 256> table{};
    for (char const c : kAlphabet)
        table[static_cast<std::uint8_t>(c)] = true;
    table['='] = true;
    return table;
}();

bool looks_like_base64(std::string_view text, bool blanks) {
    if (text.empty() || text.size() % 4 != 0) return false;
    return std::ranges::all_of(text.substr(0, kSniffBytes), [blanks](char c) {
        return kStrict[static_cast<std::uint8_t>(c)] || (blanks && c == ' ');
    });
}

/// The last four characters, which may be padded. Nothing when they are not canonical.
std::optional<std::size_t> decode_last(const char* at, char* out) {
    std::size_t const bytes = at[3] != '=' ? 3 : at[2] != '=' ? 2 : 1;
    char const filled[4] = {at[0], at[1], bytes > 1 ? at[2] : 'A', bytes > 2 ? at[3] : 'A'};
    std::uint32_t const bits = group(filled);
    if (bits & kInvalid) return std::nullopt;
    std::uint32_t const unused = bytes == 3 ? 0 : bytes == 2 ? 0xFF : 0xFFFF;
    if (bits & unused) return std::nullopt;
    out[0] = static_cast<char>(bits >> 16);
    if (bytes > 1) out[1] = static_cast<char>(bits >> 8);
    if (bytes > 2) out[2] = static_cast<char>(bits);
    return bytes;
}

}  // namespace

bool looks_like_strict_base64(std::string_view text) {
    return looks_like_base64(text, false);
}
bool looks_like_loose_base64(std::string_view text) {
    return looks_like_base64(text, true);
}

std::optional<std::size_t> decode_base64(std::string_view text, char* out) {
    if (text.size() % 4 != 0) return std::nullopt;
    if (text.empty()) return 0;
    std::size_t at = decode_blocks(text, out, 4);
    char* to = out + at / 4 * 3;
    for (std::size_t const last = text.size() - 4; at < last; at += 4, to += 3) {
        std::uint32_t const bits = group(text.data() + at);
        if (bits & kInvalid) return std::nullopt;
        to[0] = static_cast<char>(bits >> 16);
        to[1] = static_cast<char>(bits >> 8);
        to[2] = static_cast<char>(bits);
    }
    auto const rest = decode_last(text.data() + at, to);
    if (!rest) return std::nullopt;
    return static_cast<std::size_t>(to - out) + *rest;
}

}  // namespace capture::decode
