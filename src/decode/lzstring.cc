#include "decode/lzstring.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

// The format: a stream of codes, two bits wide at first and one bit wider whenever the dictionary
// has filled the width. 0 and 1 announce a new character (8 or 16 bits, a UTF-16 unit), which gets
// the next code; 2 ends the text; any other code names an entry. After each code the previous entry
// plus the first character of this one becomes a new entry. Six bits are written per base64
// character, highest first, while a number's bits come lowest first.
//
// An entry is always a piece of the text that stands already in the output, so the dictionary holds
// places, no strings. Units are written as UTF-8 at once; each half of a surrogate pair as three
// bytes of its own, so that entries begin and end at units. One pass at the end joins the halves.

namespace capture::decode {
namespace {

constexpr std::size_t kLargestCap = std::size_t{1} << 30;
constexpr std::size_t kUnitRoom = 3;
constexpr std::uint8_t kForeign = 0xFF;

/// The six bits of a character, turned round.
constexpr std::array<std::uint8_t, 256> kReversed = [] {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::array<std::uint8_t, 256> table{};
    table.fill(kForeign);
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        std::size_t reversed = 0;
        for (std::size_t bit = 0; bit < 6; ++bit)
            reversed |= (i >> bit & 1) << (5 - bit);
        table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(reversed);
    }
    return table;
}();

class BitReader {
  public:
    explicit BitReader(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

    /// `bits` is 1 … 32. False at the end or at a foreign character.
    bool read(unsigned bits, std::uint32_t& value) {
        if (count_ < bits) refill();
        if (count_ < bits) return false;
        value = static_cast<std::uint32_t>(held_ & ((std::uint64_t{1} << bits) - 1));
        held_ >>= bits;
        count_ -= bits;
        return true;
    }
    /// After a failed read: whether the text simply ended.
    bool at_end() const { return at_ == end_; }

  private:
    void refill() {
        while (count_ <= 58 && at_ != end_) {
            std::uint8_t const six = kReversed[static_cast<std::uint8_t>(*at_)];
            if (six == kForeign) return;
            held_ |= std::uint64_t{six} << count_;
            count_ += 6;
            ++at_;
        }
    }

    const char* at_;
    const char* end_;
    std::uint64_t held_ = 0;
    unsigned count_ = 0;
};

/// A piece of the output.
struct Place {
    std::uint32_t begin;
    std::uint32_t size;
};

/// Bytes of the unit that starts with `lead`: halves of pairs count as units, so never four.
std::uint32_t unit_size(char lead) {
    auto const b = static_cast<std::uint8_t>(lead);
    return b < 0x80 ? 1 : b < 0xE0 ? 2 : 3;
}

std::size_t count_units(const char* text, std::size_t size) {
    std::size_t units = 0;
    for (std::size_t i = 0; i < size; ++i)
        units += (static_cast<std::uint8_t>(text[i]) & 0xC0) != 0x80;
    return units;
}

/// Code → place, in memory that is charged like the output.
class Dictionary {
  public:
    explicit Dictionary(base::Budget* budget) : memory_(budget) {}

    /// Code of the next entry; 0, 1 and 2 are no entries.
    std::uint32_t next() const { return next_; }
    bool add(Place place) {
        if (memory_.capacity() < offset(next_ + 1) &&
            !memory_.reserve(std::max(kFirst, offset(next_ + 1)))) {
            return false;
        }
        std::memcpy(memory_.data() + offset(next_++), &place, sizeof(place));
        return true;
    }
    Place at(std::uint32_t code) const {
        Place place;
        std::memcpy(&place, memory_.data() + offset(code), sizeof(place));
        return place;
    }

  private:
    static constexpr std::uint32_t kReserved = 3;
    static constexpr std::size_t kFirst = 32768;
    static std::size_t offset(std::uint32_t code) { return (code - kReserved) * sizeof(Place); }

    base::Buffer memory_;
    std::uint32_t next_ = kReserved;
};

class Decoder {
  public:
    Decoder(std::string_view in, std::size_t cap, base::Buffer& out)
        : input_size_(in.size()),
          bits_(in),
          cap_(std::min(cap, kLargestCap)),
          byte_limit_(cap_ + cap_ / 2),
          out_(out),
          dictionary_(out.budget()) {}

    CodecStatus run() {
        CodecStatus status = units();
        if (status == CodecStatus::Ok && surrogates_) status = join_surrogates();
        if (status == CodecStatus::Ok && out_.size() > cap_) return CodecStatus::OverLimitAsText;
        return status;
    }

  private:
    enum Marker : std::uint32_t { kByte = 0, kUnit = 1, kEnd = 2 };

    CodecStatus units() {
        if (!out_.reserve(first_capacity(4 * input_size_, byte_limit_ + kUnitRoom))) {
            return CodecStatus::NoMemory;
        }
        std::uint32_t code;
        if (!bits_.read(2, code)) return cut();
        if (code == kEnd) return CodecStatus::Ok;
        if (code > kEnd) return CodecStatus::Corrupt;
        if (auto status = literal(code); status != CodecStatus::Ok) return status;
        Place previous = dictionary_.at(dictionary_.next() - 1);
        if (auto status = append(previous); status != CodecStatus::Ok) return status;

        width_ = 3;
        until_wider_ = 4;
        for (;;) {
            if (!bits_.read(width_, code)) return cut();
            if (code == kEnd) return CodecStatus::Ok;
            if (code < kEnd) {
                if (auto status = literal(code); status != CodecStatus::Ok) return status;
                code = dictionary_.next() - 1;
                count_entry();
            }
            if (code > dictionary_.next()) return CodecStatus::Corrupt;

            // The entry that this code completes: what came before plus one unit, which stands
            // right behind it as soon as this code's entry is written. A code may name the very
            // entry it completes.
            auto const end = static_cast<std::uint32_t>(out_.size());
            bool const itself = code == dictionary_.next();
            char const lead = out_.data()[itself ? previous.begin : dictionary_.at(code).begin];
            Place const fresh{previous.begin, previous.size + unit_size(lead)};
            Place const entry = itself ? fresh : dictionary_.at(code);
            if (!dictionary_.add({end - previous.size, fresh.size})) return CodecStatus::NoMemory;
            if (auto status = append(entry); status != CodecStatus::Ok) return status;
            previous = {end, entry.size};
            count_entry();
        }
    }

    /// Why a read failed.
    CodecStatus cut() const {
        return bits_.at_end() ? CodecStatus::Truncated : CodecStatus::Corrupt;
    }

    void count_entry() {
        if (--until_wider_ > 0) return;
        until_wider_ = std::uint32_t{1} << width_;
        ++width_;
    }

    /// Reads a new character and gives it the next code. It is written behind the output's end,
    /// where append() finds it in its final place.
    CodecStatus literal(std::uint32_t marker) {
        std::uint32_t unit;
        if (!bits_.read(marker == kByte ? 8 : 16, unit)) return cut();
        if (!out_.reserve(out_.size() + kUnitRoom)) return CodecStatus::NoMemory;
        char* const to = out_.data() + out_.size();
        std::uint32_t size = 1;
        if (unit < 0x80) {
            to[0] = static_cast<char>(unit);
        } else if (unit < 0x800) {
            to[0] = static_cast<char>(0xC0 | unit >> 6);
            to[1] = static_cast<char>(0x80 | (unit & 0x3F));
            size = 2;
        } else {
            to[0] = static_cast<char>(0xE0 | unit >> 12);
            to[1] = static_cast<char>(0x80 | (unit >> 6 & 0x3F));
            to[2] = static_cast<char>(0x80 | (unit & 0x3F));
            size = 3;
        }
        wide_ |= size > 1;
        surrogates_ |= unit >= 0xD800 && unit < 0xE000;
        return dictionary_.add({static_cast<std::uint32_t>(out_.size()), size})
                   ? CodecStatus::Ok
                   : CodecStatus::NoMemory;
    }

    CodecStatus append(Place entry) {
        std::size_t const end = out_.size();
        // An entry may run into the bytes that are about to be written, by its last unit: that unit
        // is copied last. (A new character stands there already.)
        std::size_t const apart = std::min<std::size_t>(entry.size, end - entry.begin);
        units_ += wide_ ? count_units(out_.data() + entry.begin, apart) + (apart < entry.size)
                        : entry.size;
        if (units_ > cap_) return CodecStatus::OverLimit;
        // Joining pairs saves a third at most, so this text will be too long for certain.
        if (end + entry.size > byte_limit_) return CodecStatus::OverLimitAsText;

        if (!out_.reserve(end + entry.size)) return CodecStatus::NoMemory;
        char* const to = out_.data() + end;
        const char* const from = out_.data() + entry.begin;
        if (apart > 0) std::memcpy(to, from, apart);
        for (std::size_t i = apart; i < entry.size; ++i)
            to[i] = from[i];
        out_.resize(end + entry.size);
        return CodecStatus::Ok;
    }

    /// Halves as three bytes each (ED A0…AF xx, ED B0…BF xx) → one character of four bytes, in
    /// place.
    CodecStatus join_surrogates() {
        char* const begin = out_.data();
        const char* from = begin;
        const char* const end = begin + out_.size();
        char* to = begin;
        auto const byte = [](const char* p) { return static_cast<std::uint8_t>(*p); };
        while (from != end) {
            auto const* found = static_cast<const char*>(
                std::memchr(from, 0xED, static_cast<std::size_t>(end - from)));
            auto const run = static_cast<std::size_t>((found ? found : end) - from);
            std::memmove(to, from, run);
            from += run;
            to += run;
            if (!found) break;
            if (byte(from + 1) < 0xA0) {  // U+D000 … U+D7FF
                std::memmove(to, from, 3);
                from += 3;
                to += 3;
                continue;
            }
            if (byte(from + 1) >= 0xB0 || end - from < 6 || byte(from + 3) != 0xED ||
                byte(from + 4) < 0xB0) {
                return CodecStatus::BrokenText;
            }
            std::uint32_t const high = (byte(from + 1) & 0x0Fu) << 6 | (byte(from + 2) & 0x3Fu);
            std::uint32_t const low = (byte(from + 4) & 0x0Fu) << 6 | (byte(from + 5) & 0x3Fu);
            std::uint32_t const character = 0x10000 + (high << 10 | low);
            *to++ = static_cast<char>(0xF0 | character >> 18);
            *to++ = static_cast<char>(0x80 | (character >> 12 & 0x3F));
            *to++ = static_cast<char>(0x80 | (character >> 6 & 0x3F));
            *to++ = static_cast<char>(0x80 | (character & 0x3F));
            from += 6;
        }
        out_.resize(static_cast<std::size_t>(to - begin));
        return CodecStatus::Ok;
    }

    const std::size_t input_size_;
    BitReader bits_;
    const std::size_t cap_;
    const std::size_t byte_limit_;
    base::Buffer& out_;
    Dictionary dictionary_;
    unsigned width_ = 2;
    std::uint32_t until_wider_ = 0;
    std::size_t units_ = 0;
    bool wide_ = false;        ///< some character is not ASCII
    bool surrogates_ = false;  ///< some unit is half of a pair
};

}  // namespace

CodecStatus decode_lz_string(std::string_view in, std::size_t cap, base::Buffer& out) {
    out.clear();
    return Decoder(in, cap, out).run();
}

}  // namespace capture::decode
