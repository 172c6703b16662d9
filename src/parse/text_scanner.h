// A forgiving reader of small texts: dates, zones. Every method either takes something and answers
// true, or leaves the text alone.
#pragma once

#include <cstdint>
#include <string_view>

namespace capture::parse {

class TextScanner {
  public:
    explicit TextScanner(std::string_view text) : text_(text) {}

    bool done() const { return at_ == text_.size(); }
    char peek() const { return done() ? '\0' : text_[at_]; }
    std::string_view rest() const { return text_.substr(at_); }
    std::size_t position() const { return at_; }
    void rewind(std::size_t position) { at_ = position; }

    bool take(char c) {
        if (done() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    bool take_any(std::string_view chars) {
        if (done() || !chars.contains(text_[at_])) return false;
        ++at_;
        return true;
    }
    /// Blanks; true if there was at least one.
    bool take_blanks() {
        std::size_t const start = at_;
        while (take(' ')) {
        }
        return at_ != start;
    }
    /// Between `least` and `most` digits, as many as there are.
    bool take_number(int least, int most, int& value, int* count = nullptr) {
        std::size_t at = at_;
        int digits = 0;
        int number = 0;
        while (at < text_.size() && digits < most && text_[at] >= '0' && text_[at] <= '9') {
            number = number * 10 + (text_[at++] - '0');
            ++digits;
        }
        if (digits < least) return false;
        at_ = at;
        value = number;
        if (count) *count = digits;
        return true;
    }
    /// A fraction's digits after its point, as nanoseconds; digits beyond the ninth are dropped.
    bool take_fraction(std::uint32_t& nanos) {
        std::uint32_t value = 0;
        int digits = 0;
        std::size_t at = at_;
        for (; at < text_.size() && text_[at] >= '0' && text_[at] <= '9'; ++at) {
            if (digits == 9) continue;
            value = value * 10 + static_cast<std::uint32_t>(text_[at] - '0');
            ++digits;
        }
        if (digits == 0) return false;
        for (; digits < 9; ++digits)
            value *= 10;
        at_ = at;
        nanos = value;
        return true;
    }
    /// ASCII letters (may be empty).
    std::string_view take_letters() {
        std::size_t const start = at_;
        while (!done() && ((text_[at_] | 0x20) >= 'a' && (text_[at_] | 0x20) <= 'z'))
            ++at_;
        return text_.substr(start, at_ - start);
    }

  private:
    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace capture::parse
