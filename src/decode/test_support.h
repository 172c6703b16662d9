// Slow, plain encoders that the decode tests check the decoders against.
#pragma once

#include <isa-l/igzip_lib.h>

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace capture::decode::testing {

inline std::string to_base64(std::string_view bytes) {
    static constexpr char kAlphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t bits = 0;
        std::size_t const count = std::min<std::size_t>(3, bytes.size() - i);
        for (std::size_t k = 0; k < 3; ++k) {
            bits = bits << 8 | (k < count ? static_cast<std::uint8_t>(bytes[i + k]) : 0);
        }
        for (std::size_t k = 0; k < 4; ++k)
            text += k <= count ? kAlphabet[bits >> (18 - 6 * k) & 63] : '=';
    }
    return text;
}

inline std::string to_gzip(std::string_view bytes) {
    std::string out(bytes.size() + bytes.size() / 8 + 512, '\0');
    std::vector<std::uint8_t> memory(ISAL_DEF_LVL1_DEFAULT);
    isal_zstream stream;
    isal_deflate_stateless_init(&stream);
    stream.level = 1;
    stream.level_buf = memory.data();
    stream.level_buf_size = static_cast<std::uint32_t>(memory.size());
    stream.end_of_stream = 1;
    stream.flush = NO_FLUSH;
    stream.gzip_flag = IGZIP_GZIP;
    std::string in(bytes);
    stream.next_in = reinterpret_cast<std::uint8_t*>(in.data());
    stream.avail_in = static_cast<std::uint32_t>(in.size());
    stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream.avail_out = static_cast<std::uint32_t>(out.size());
    if (isal_deflate_stateless(&stream) != COMP_OK) throw std::runtime_error("deflate");
    out.resize(stream.total_out);
    return out;
}

/// lz-string's compressToBase64, by the book: a dictionary of strings.
class LzStringEncoder {
  public:
    std::string encode(std::u16string_view text) {
        for (char16_t const c : text) {
            std::u16string const single(1, c);
            if (codes_.emplace(single, next_).second) {
                ++next_;
                fresh_.insert(single);
            }
            std::u16string const longer = current_ + c;
            if (codes_.contains(longer)) {
                current_ = longer;
                continue;
            }
            emit();
            codes_[longer] = next_++;
            current_ = single;
        }
        if (!current_.empty()) emit();
        write(2, width_);
        do {
            bits_ += '0';
        } while (bits_.size() % 6 != 0);
        return text_of_bits();
    }

  private:
    void emit() {
        if (fresh_.erase(current_)) {
            bool const small = current_[0] < 256;
            write(small ? 0 : 1, width_);
            write(current_[0], small ? 8 : 16);
            count();
        } else {
            write(codes_.at(current_), width_);
        }
        count();
    }
    void write(std::uint32_t value, unsigned bits) {
        for (unsigned i = 0; i < bits; ++i)
            bits_ += (value >> i & 1) ? '1' : '0';
    }
    void count() {
        if (--until_wider_ == 0) until_wider_ = 1u << width_++;
    }
    std::string text_of_bits() const {
        static constexpr char kAlphabet[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        std::string text;
        for (std::size_t i = 0; i < bits_.size(); i += 6) {
            text += kAlphabet[std::stoul(bits_.substr(i, 6), nullptr, 2)];
        }
        while (text.size() % 4 != 0)
            text += '=';
        return text;
    }

    std::map<std::u16string, std::uint32_t> codes_;
    std::set<std::u16string> fresh_;
    std::u16string current_;
    std::uint32_t next_ = 3;
    std::uint32_t until_wider_ = 2;
    unsigned width_ = 2;
    std::string bits_;
};

inline std::string to_lz_string(std::u16string_view text) {
    return LzStringEncoder().encode(text);
}
/// ASCII only.
inline std::string to_lz_string(std::string_view ascii) {
    return to_lz_string(std::u16string(ascii.begin(), ascii.end()));
}

/// Escapes everything but letters and digits.
inline std::string to_percent(std::string_view bytes) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    std::string text;
    for (char const c : bytes) {
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
            text += c;
        } else {
            auto const b = static_cast<std::uint8_t>(c);
            text += {'%', kDigits[b >> 4], kDigits[b & 15]};
        }
    }
    return text;
}

inline std::string random_bytes(std::mt19937& random, std::size_t size) {
    std::string bytes(size, '\0');
    for (char& c : bytes)
        c = static_cast<char>(random());
    return bytes;
}

/// Text like that of events, with repetition and without.
inline std::string event_batch(int events) {
    std::mt19937 random(7);
    std::string json = R"({"api_key":"phc_test","batch":[)";
    for (int i = 0; i < events; ++i) {
        if (i) json += ',';
        json += R"({"event":"$pageview","distinct_id":"user-)" + std::to_string(random()) +
                R"(","properties":{)";
        for (int k = 0; k < 26; ++k) {
            json += "\"$property_" + std::to_string(k) + "\":\"some value " +
                    std::to_string(random()) + " of a property\",";
        }
        json += R"("$lib":"web"},"timestamp":"2026-07-01T11:00:00.123Z"})";
    }
    return json + R"(],"sent_at":"2026-07-01T11:00:01Z"})";
}

}  // namespace capture::decode::testing
