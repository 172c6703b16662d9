// Any bytes through the lz-string decoder, against one that follows the format's description with a
// dictionary of strings. First byte: the cap.
#include <optional>
#include <string>
#include <vector>

#include "decode/lzstring.h"
#include "decode/utf8.h"
#include "fuzz_input.h"

using namespace capture;

namespace {

constexpr std::size_t kModelLimit = 20'000;

/// Nothing when the text is undecodable, or longer than kModelLimit.
class Model {
  public:
    explicit Model(std::string_view text) : text_(text) {}

    std::optional<std::u16string> decode() {
        std::vector<std::u16string> entries(3);
        std::u16string out;
        std::u16string previous;
        unsigned width = 2;
        std::size_t until_wider = 1;
        for (bool first = true;; first = false) {
            auto code = number(width);
            if (!code) return std::nullopt;
            if (*code == 2) return out;
            if (*code < 2) {
                auto const unit = number(*code == 0 ? 8 : 16);
                if (!unit) return std::nullopt;
                entries.emplace_back(1, static_cast<char16_t>(*unit));
                code = entries.size() - 1;
                if (!first) count(until_wider, width);
            }
            std::u16string entry;
            if (*code < entries.size()) {
                entry = entries[*code];
            } else if (*code == entries.size() && !first) {
                entry = previous + previous[0];
            } else {
                return std::nullopt;
            }
            out += entry;
            if (out.size() > kModelLimit) return std::nullopt;
            if (!first) entries.push_back(previous + entry[0]);
            count(until_wider, width);
            previous = entry;
            if (first) until_wider = 4, width = 3;
        }
    }

  private:
    static void count(std::size_t& until_wider, unsigned& width) {
        if (--until_wider == 0) until_wider = std::size_t{1} << width++;
    }
    std::optional<std::size_t> number(unsigned bits) {
        std::size_t value = 0;
        for (unsigned i = 0; i < bits; ++i) {
            std::size_t const at = bit_ / 6;
            if (at >= text_.size()) return std::nullopt;
            std::size_t const six = kAlphabet.find(text_[at]);
            if (six == std::string_view::npos) return std::nullopt;
            value |= (six >> (5 - bit_ % 6) & 1) << i;
            ++bit_;
        }
        return value;
    }

    static constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string_view text_;
    std::size_t bit_ = 0;
};

/// Nothing when a half of a pair stands alone.
std::optional<std::string> to_utf8(std::u16string_view units) {
    std::string text;
    auto const put = [&text](std::uint32_t byte) { text += static_cast<char>(byte); };
    for (std::size_t i = 0; i < units.size(); ++i) {
        std::uint32_t c = units[i];
        if (c >= 0xDC00 && c < 0xE000) return std::nullopt;
        if (c >= 0xD800 && c < 0xDC00) {
            if (i + 1 == units.size() || units[i + 1] < 0xDC00 || units[i + 1] >= 0xE000)
                return std::nullopt;
            c = 0x10000 + ((c - 0xD800) << 10) + (units[++i] - 0xDC00u);
        }
        if (c < 0x80) {
            put(c);
            continue;
        }
        if (c < 0x800) {
            put(0xC0 | c >> 6);
        } else {
            if (c < 0x10000) {
                put(0xE0 | c >> 12);
            } else {
                put(0xF0 | c >> 18);
                put(0x80 | (c >> 12 & 63));
            }
            put(0x80 | (c >> 6 & 63));
        }
        put(0x80 | (c & 63));
    }
    return text;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::FuzzInput input(data, size);
    constexpr std::size_t kCaps[]{0, 1, 10, 1000, 5000, 20'000, 60'000};
    std::size_t const cap = kCaps[input.byte() % std::size(kCaps)];
    base::Budget budget(1'000'000, 1'000'000);
    {
        base::Buffer out(&budget);
        decode::CodecStatus const status = decode::decode_lz_string(input.rest(), cap, out);
        fuzz::expect(out.capacity() <= cap + cap / 2 + 40'000, "memory stays near the cap");
        if (status == decode::CodecStatus::Ok) {
            fuzz::expect(out.size() <= cap && decode::is_utf8(out.view()), "text under the cap");
        }
        if (auto const units = Model(input.rest()).decode()) {
            auto const text = to_utf8(*units);
            if (units->size() > cap || (text && text->size() > cap)) {
                fuzz::expect(status == decode::CodecStatus::OverLimit ||
                                 status == decode::CodecStatus::OverLimitAsText,
                             "too long");
            } else if (!text) {
                fuzz::expect(status == decode::CodecStatus::BrokenText ||
                                 status == decode::CodecStatus::OverLimitAsText,
                             "broken text");
            } else {
                fuzz::expect(status == decode::CodecStatus::Ok && out.view() == *text,
                             "the same text");
            }
        }
    }
    fuzz::expect(budget.used() == 0, "every charge is released");
    return 0;
}
