#include "route/escape.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

namespace capture::route {
namespace {

/// The escape of one byte in eight bytes, so that it is one store; length 0 = the byte stands for
/// itself.
struct Escape {
    std::array<char, 7> text{};
    std::uint8_t length = 0;
};
static_assert(sizeof(Escape) == 8);

constexpr std::array<Escape, 256> make_escapes() {
    std::array<Escape, 256> table{};
    constexpr char kHex[] = "0123456789abcdef";
    for (std::size_t c = 0; c < 0x20; ++c)
        table[c] = {{'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]}, 6};
    table['\b'] = {{'\\', 'b'}, 2};
    table['\t'] = {{'\\', 't'}, 2};
    table['\n'] = {{'\\', 'n'}, 2};
    table['\f'] = {{'\\', 'f'}, 2};
    table['\r'] = {{'\\', 'r'}, 2};
    table['"'] = {{'\\', '"'}, 2};
    table['\\'] = {{'\\', '\\'}, 2};
    return table;
}
constexpr auto kEscapes = make_escapes();

char* put_escape(char* out, char c) {
    Escape const& escape = kEscapes[static_cast<unsigned char>(c)];
    std::memcpy(out, &escape, sizeof(escape));
    return out + escape.length;
}

// Which of some bytes are what is asked for: all bits of those are set in the finding.
#if defined(__SSE2__)
__m128i equal(__m128i bytes, char c) {
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}
__m128i controls(__m128i bytes) {
    __m128i const highest = _mm_set1_epi8(0x1f);
    return _mm_cmpeq_epi8(_mm_max_epu8(bytes, highest), highest);
}
bool none(__m128i found) {
    return _mm_movemask_epi8(found) == 0;
}
#endif
#if defined(__AVX2__)
__m256i equal(__m256i bytes, char c) {
    return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(c));
}
__m256i controls(__m256i bytes) {
    __m256i const highest = _mm256_set1_epi8(0x1f);
    return _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, highest), highest);
}
bool none(__m256i found) {
    return _mm256_testz_si256(found, found) != 0;
}
#endif

#if defined(__SSE2__)
template <typename Bytes>
Bytes quotes_and_slashes(Bytes bytes) {
    return equal(bytes, '"') | equal(bytes, '\\');
}
template <typename Bytes>
Bytes specials(Bytes bytes) {
    return quotes_and_slashes(bytes) | controls(bytes);
}

#if defined(__AVX2__)
using Block = __m256i;
Block load(const char* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
void store(char* p, Block block) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), block);
}
std::uint32_t bits(Block found) {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(found));
}
#else
using Block = __m128i;
Block load(const char* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
void store(char* p, Block block) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), block);
}
std::uint32_t bits(Block found) {
    return static_cast<std::uint32_t>(_mm_movemask_epi8(found));
}
#endif
constexpr std::size_t kBlock = sizeof(Block);
#endif

#if defined(__SSSE3__)
/// For each set of bytes to be escaped among eight: where the bytes go, each of the set behind the
/// eighth, which is a backslash.
constexpr auto make_spreads() {
    std::array<std::array<std::uint8_t, 16>, 256> spreads{};
    for (std::size_t set = 0; set < spreads.size(); ++set) {
        std::size_t to = 0;
        for (std::uint8_t from = 0; from < 8; ++from) {
            if (set >> from & 1) spreads[set][to++] = 8;
            spreads[set][to++] = from;
        }
    }
    return spreads;
}
alignas(64) constexpr auto kSpreads = make_spreads();

/// A block whose specials are quotes and backslashes, of which JSON has one in every few bytes:
/// eight bytes at a time make room for them at once.
[[gnu::always_inline]] inline char* spread_block(char* out, const char* p, std::uint32_t mask) {
    constexpr std::size_t kSpread = sizeof(kSpreads[0]);
    __m128 const backslashes = _mm_castsi128_ps(_mm_set1_epi8('\\'));
    auto const* const spreads = reinterpret_cast<const char*>(kSpreads.data());
    // Each eight bits are a set, here as the place of its spread.
    std::uint64_t sets = mask * std::uint64_t{kSpread};
    for (std::size_t i = 0; i < kBlock; i += 8, sets >>= 8) {
        std::uint64_t const set = sets & 0xff * kSpread;
        __m128 const bytes = _mm_loadl_pi(backslashes, reinterpret_cast<const __m64*>(p + i));
        __m128i const spread = _mm_load_si128(reinterpret_cast<const __m128i*>(spreads + set));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                         _mm_shuffle_epi8(_mm_castps_si128(bytes), spread));
        out += 8 + std::popcount(set);
    }
    return out;
}
#endif

/// Names and ids are short and plain: they are copied as their beginning and their end, which may
/// overlap, unless something in them has to be escaped. `out` has room for kLongestShort bytes.
#if defined(__SSE2__)
constexpr std::size_t kLongestShort = 2 * kBlock;

bool copy_short(char* out, std::string_view text) {
    std::size_t const size = text.size();
    const char* const begin = text.data();
    const char* const end = begin + size;
    if (size < 8) return false;
    if (size <= 16) {
        __m128 const head = _mm_loadl_pi(__m128{}, reinterpret_cast<const __m64*>(begin));
        __m128 const both = _mm_loadh_pi(head, reinterpret_cast<const __m64*>(end - 8));
        if (!none(specials(_mm_castps_si128(both)))) return false;
        _mm_storel_pi(reinterpret_cast<__m64*>(out), both);
        _mm_storeh_pi(reinterpret_cast<__m64*>(out + size - 8), both);
        return true;
    }
#if defined(__AVX2__)
    if (size <= 32) {
        __m256i const both = _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(end - 16),
                                                 reinterpret_cast<const __m128i*>(begin));
        if (!none(specials(both))) return false;
        _mm256_storeu2_m128i(reinterpret_cast<__m128i*>(out + size - 16),
                             reinterpret_cast<__m128i*>(out), both);
        return true;
    }
#endif
    Block const head = load(begin);
    Block const tail = load(end - kBlock);
    if (!none(specials(head) | specials(tail))) return false;
    store(out, head);
    store(out + size - kBlock, tail);
    return true;
}
#else
constexpr std::size_t kLongestShort = 0;

bool copy_short(char*, std::string_view) {
    return false;
}
#endif

/// Text is escaped in pieces, so that the worst case reserved ahead stays small.
constexpr std::size_t kPiece = 1024;
/// Six bytes for one, and what a block or escape store writes beyond its end.
constexpr std::size_t kWorst = 6 * kPiece + 64;

/// Fewer bytes are escaped one by one.
constexpr std::size_t kShort = 8;

char* escape_tail(char* out, const char* p, const char* end) {
    for (; p != end; ++p) {
        if (kEscapes[static_cast<unsigned char>(*p)].length == 0) {
            *out++ = *p;
        } else {
            out = put_escape(out, *p);
        }
    }
    return out;
}

#if defined(__SSE2__)
/// A block in which something has to be escaped, whatever it is.
[[gnu::always_inline]] inline char* escape_specials(char* out, Block block) {
    // It is copied whole and the cursor set to its first special byte; then the rest of it is
    // copied again behind the escape. What lies behind the block is written and never kept.
    std::array<char, 2 * kBlock> bytes{};
    store(bytes.data(), block);
    store(out, block);
    std::size_t done = 0;
    std::uint32_t mask = bits(specials(block));
    for (; mask != 0; mask &= mask - 1) {
        auto const at = static_cast<std::size_t>(std::countr_zero(mask));
        out = put_escape(out + (at - done), bytes[at]);
        done = at + 1;
        store(out, load(bytes.data() + done));
    }
    return out + (kBlock - done);
}

[[gnu::always_inline]] inline char* escape_block(char* out, const char* p) {
    Block const block = load(p);
    if (!none(controls(block))) return escape_specials(out, block);
    std::uint32_t const mask = bits(quotes_and_slashes(block));
    if (mask == 0) {
        store(out, block);
        return out + kBlock;
    }
#if defined(__SSSE3__)
    return spread_block(out, p, mask);
#else
    return escape_specials(out, block);
#endif
}

char* escape_piece(char* out, const char* p, const char* end) {
    auto left = static_cast<std::size_t>(end - p);
    for (; left >= kBlock; left -= kBlock, p += kBlock)
        out = escape_block(out, p);
    if (left < kShort) return escape_tail(out, p, end);
    // A block that is filled up with bytes that are no escapes.
    std::array<char, kBlock> padded;
    padded.fill('x');
    std::memcpy(padded.data(), p, left);
    return escape_block(out, padded.data()) - (kBlock - left);
}
#else
char* escape_piece(char* out, const char* p, const char* end) {
    return escape_tail(out, p, end);
}
#endif

/// Not inlined: a short text shall not pay for the registers that this one needs.
[[gnu::noinline]] void append_pieces(base::ByteWriter& out, std::string_view text) {
    while (!text.empty()) {
        std::string_view const piece = text.substr(0, kPiece);
        char* const begin = out.room(std::min(kWorst, 6 * piece.size() + 64));
        char* const end = escape_piece(begin, piece.data(), piece.data() + piece.size());
        out.advance(static_cast<std::size_t>(end - begin));
        text.remove_prefix(piece.size());
    }
}

}  // namespace

void append_escaped(base::ByteWriter& out, std::string_view text) {
    if (text.size() <= kLongestShort && copy_short(out.room(kLongestShort), text))
        return out.advance(text.size());
    append_pieces(out, text);
}

void append_escaped_json(base::ByteWriter& out, std::string_view json) {
    if (!json.starts_with('"')) return append_escaped(out, json);
    // Without its quotes a string is mostly plain.
    out.append(R"(\")");
    append_escaped(out, json.substr(1, json.size() - 2));
    out.append(R"(\")");
}

}  // namespace capture::route
