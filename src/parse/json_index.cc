#include "parse/json_index.h"

#include <algorithm>
#include <bit>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace capture::parse {
namespace {

constexpr std::size_t kBlock = 64;

/// One bit per byte of a block, the first byte's the lowest.
using Bits = std::uint64_t;

/// Which bytes of a block are what, whether in a string or not.
struct Block {
    Bits quotes;
    Bits separators;
    Bits brackets;
};
/// What most blocks have none of.
struct Rarities {
    Bits backslashes;
    Bits controls;
};

/// Puts blocks together to a window. It is inlined where it is used, and so uses the instructions
/// that are allowed there; those that it has to be told of are functions of `Instructions`.
template <typename Instructions>
class Scan {
  public:
    Scan(const char* begin, const char* end, JsonWindow& window)
        : begin_(begin),
          size_(static_cast<std::size_t>(end - begin)),
          stop_(std::min(size_ / kBlock * kBlock, JsonWindow::kBytes)),
          window_(window) {}

    /// Whether the window takes one more whole block.
    bool wants_block() { return offset_ < stop_ || extend(); }
    /// Whether it takes what the text has behind those.
    bool wants_rest() const {
        return offset_ < size_ && (offset_ < JsonWindow::kBytes || count_ < 2);
    }
    /// The next block.
    const char* block() const { return begin_ + offset_; }
    std::size_t block_size() const { return std::min(size_ - offset_, kBlock); }
    /// Whether its first byte stands behind an odd number of backslashes.
    bool escape_open() const { return escape_open_ != 0; }

    /// Takes from `block` what escapes and the text's end make of it. Goes before add() where there
    /// may be any of that.
    [[gnu::always_inline]] void add_rarities(Rarities rare, Block& block) {
        if (std::size_t const size = block_size(); size < kBlock) {
            Bits const behind = ~Bits{0} << size;
            block.quotes &= ~behind;
            block.separators |= behind;
            block.brackets &= ~behind;
            rare.backslashes &= ~behind;
            rare.controls &= ~behind;
        }
        if (rare.backslashes && !backslash_)
            backslash_ = this->block() + std::countr_zero(rare.backslashes);
        block.quotes &= ~escaped(rare.backslashes);
        bad_ |= (Instructions::prefix_xor(block.quotes) ^ inside_) & rare.controls;
    }
    [[gnu::always_inline]] void add(const Block& block) {
        // From each opening quote to the byte before the closing one.
        Bits const inside = Instructions::prefix_xor(block.quotes) ^ inside_;
        inside_ = static_cast<Bits>(static_cast<std::int64_t>(inside) >> 63);
        Bits const marks = block.separators | block.brackets;
        Bits const edges = marks | block.quotes;
        Bits const starts = block.brackets | (~marks & ((edges << 1) + edge_));
        edge_ = edges >> 63;
        // Without what strings have behind their opening quote.
        put(starts & ~(inside ^ block.quotes));
        offset_ += kBlock;
    }

    [[gnu::always_inline]] bool finish() {
        std::size_t end = size_;
        if (offset_ < size_)
            end = window_.tokens[--count_];
        else if (inside_)
            bad_ = 1;
        window_.count = bad_ ? 0 : count_;
        window_.tokens[window_.count] = static_cast<std::uint32_t>(end);
        window_.end = begin_ + end;
        window_.backslash = backslash_ ? backslash_ : window_.end;
        return !bad_;
    }

  private:
    /// A window of one token goes on.
    bool extend() {
        if (count_ >= 2 || offset_ + kBlock > size_) return false;
        stop_ = offset_ + kBlock;
        return true;
    }
    /// The bytes behind an odd number of backslashes: by adding a run's start, where that is at an
    /// odd place, to the run, so that the carry stops behind it.
    [[gnu::always_inline]] Bits escaped(Bits backslashes) {
        constexpr Bits kEven = 0x5555'5555'5555'5555;
        backslashes &= ~escape_open_;
        Bits const behind = backslashes << 1 | escape_open_;
        Bits const odd_starts = backslashes & ~kEven & ~behind;
        Bits even_runs;
        escape_open_ = __builtin_add_overflow(odd_starts, backslashes, &even_runs) ? 1 : 0;
        return (kEven ^ even_runs << 1) & behind;
    }
    /// In groups without a branch for each; what is written too much is overwritten.
    [[gnu::always_inline]] void put(Bits starts) {
        std::uint32_t* const out = window_.tokens.data() + count_;
        auto const offset = static_cast<std::uint32_t>(offset_);
        auto const found = static_cast<std::size_t>(std::popcount(starts));
        count_ += found;
        constexpr std::size_t kGroup = 6;  // most blocks have less
        auto const put_group = [&](std::size_t first) {
            for (std::size_t i = first; i < first + kGroup; ++i, starts &= starts - 1)
                out[i] = offset + Instructions::lowest(starts);
        };
        put_group(0);
        for (std::size_t done = kGroup; done < found; done += kGroup) [[unlikely]]
            put_group(done);
    }

    const char* const begin_;
    const std::size_t size_;
    std::size_t stop_;
    JsonWindow& window_;
    std::size_t offset_ = 0;  ///< of the next block
    std::size_t count_ = 0;
    const char* backslash_ = nullptr;
    Bits escape_open_ = 0;
    Bits inside_ = 0;  ///< all ones when a string is open at the block's begin
    Bits edge_ = 1;    ///< 0 when a scalar may go on at the block's begin
    Bits bad_ = 0;
};

// ---- for every machine

struct Portable {
    static Bits prefix_xor(Bits bits) {
        for (int shift = 1; shift < 64; shift *= 2)
            bits ^= bits << shift;
        return bits;
    }
    /// The place of the lowest one; of none any place.
    static std::uint32_t lowest(Bits bits) {
        return static_cast<std::uint32_t>(std::countr_zero(bits));
    }
};

void find_portably(const char* at, std::size_t size, Block& block, Rarities& rare) {
    for (std::size_t i = 0; i < size; ++i) {
        Bits const bit = Bits{1} << i;
        char const c = at[i];
        if (static_cast<unsigned char>(c) < 0x20) rare.controls |= bit;
        if (is_json_separator(c))
            block.separators |= bit;
        else if (c == '"')
            block.quotes |= bit;
        else if (c == '\\')
            rare.backslashes |= bit;
        else if (c == '{' || c == '}' || c == '[' || c == ']')
            block.brackets |= bit;
    }
}

#if defined(__x86_64__)

// ---- for machines with AVX2

#define CAPTURE_AVX2 [[gnu::target("avx2,bmi,pclmul,popcnt")]]

struct Bytes {
    __m256i low;
    __m256i high;
};

CAPTURE_AVX2 inline Bytes load(const char* at) {
    auto const* const halves = reinterpret_cast<const __m256i*>(at);
    return {_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
}

/// The highest bit of each byte.
CAPTURE_AVX2 inline Bits high_bits(__m256i low, __m256i high) {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
           static_cast<Bits>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high))) << 32;
}

CAPTURE_AVX2 inline Bits find(const Bytes& bytes, char c) {
    __m256i const wanted = _mm256_set1_epi8(c);
    return high_bits(_mm256_cmpeq_epi8(bytes.low, wanted), _mm256_cmpeq_epi8(bytes.high, wanted));
}

/// The bytes that a table of 16 has at their low four bits.
CAPTURE_AVX2 inline __m256i equal_in(__m256i table, __m256i index, __m256i bytes) {
    return _mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, index), bytes);
}
CAPTURE_AVX2 inline Bits find_in(const char (&table)[17], const Bytes& bytes, char set) {
    __m256i const row =
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
    __m256i const fold = _mm256_set1_epi8(set);
    __m256i const low = _mm256_or_si256(bytes.low, fold);
    __m256i const high = _mm256_or_si256(bytes.high, fold);
    return high_bits(equal_in(row, low, low), equal_in(row, high, high));
}

/// Right for blocks without controls.
CAPTURE_AVX2 inline Block find_marks(const Bytes& bytes) {
    // With this bit set a bracket of one kind is that of the other.
    Bits const marks = find_in(" \0\0\0\0\0\0\0\0\0:{,}\0\0", bytes, 0x20);
    // Of the marks the brackets have bit 6.
    Bits const brackets =
        marks & high_bits(_mm256_slli_epi16(bytes.low, 1), _mm256_slli_epi16(bytes.high, 1));
    return {find(bytes, '"'), marks & ~brackets, brackets};
}

CAPTURE_AVX2 inline bool has_rarities(const Bytes& bytes) {
    __m256i const backslash = _mm256_set1_epi8('\\');
    __m256i const backslashes = _mm256_or_si256(_mm256_cmpeq_epi8(bytes.low, backslash),
                                                _mm256_cmpeq_epi8(bytes.high, backslash));
    // What is missing to a blank is nothing, unless in a control.
    __m256i const controls =
        _mm256_subs_epu8(_mm256_set1_epi8(' '), _mm256_min_epu8(bytes.low, bytes.high));
    __m256i const found = _mm256_or_si256(backslashes, controls);
    return !_mm256_testz_si256(found, found);
}

/// Finds them, and puts right what controls have done to the marks.
CAPTURE_AVX2 inline Rarities find_rarities(const Bytes& bytes, Block& block) {
    __m256i const control = _mm256_set1_epi8(0x1f);
    Rarities const rare{
        find(bytes, '\\'),
        high_bits(_mm256_cmpeq_epi8(_mm256_min_epu8(bytes.low, control), bytes.low),
                  _mm256_cmpeq_epi8(_mm256_min_epu8(bytes.high, control), bytes.high))};
    block.separators &= ~find(bytes, '\0');
    block.separators |= find_in(" \0\0\0\0\0\0\0\0\t\n\0\0\r\0\0", bytes, 0);
    return rare;
}

struct Avx2 {
    CAPTURE_AVX2 static Bits prefix_xor(Bits bits) {
        // A product without carries, with all ones.
        return static_cast<Bits>(_mm_cvtsi128_si64(_mm_clmulepi64_si128(
            _mm_set_epi64x(0, static_cast<std::int64_t>(bits)), _mm_set1_epi8(-1), 0)));
    }
    /// A single instruction, for none as well.
    CAPTURE_AVX2 static std::uint32_t lowest(Bits bits) {
        return static_cast<std::uint32_t>(_tzcnt_u64(bits));
    }
};

CAPTURE_AVX2 bool index_json_avx2(const char* begin, const char* end, JsonWindow& window) {
    Scan<Avx2> scan(begin, end, window);
    while (scan.wants_block()) {
        Bytes const bytes = load(scan.block());
        Block block = find_marks(bytes);
        if (has_rarities(bytes) || scan.escape_open()) [[unlikely]]
            scan.add_rarities(find_rarities(bytes, block), block);
        scan.add(block);
    }
    if (scan.wants_rest()) {
        Bytes const bytes = load(scan.block());
        Block block = find_marks(bytes);
        scan.add_rarities(find_rarities(bytes, block), block);
        scan.add(block);
    }
    return scan.finish();
}

#endif

}  // namespace

bool index_json_portably(const char* begin, const char* end, JsonWindow& window) {
    Scan<Portable> scan(begin, end, window);
    while (scan.wants_block() || scan.wants_rest()) {
        Block block{};
        Rarities rare{};
        find_portably(scan.block(), scan.block_size(), block, rare);
        scan.add_rarities(rare, block);
        scan.add(block);
    }
    return scan.finish();
}

JsonIndexer fastest_json_indexer() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
        __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("popcnt"))
        return index_json_avx2;
#endif
    return index_json_portably;
}

}  // namespace capture::parse
