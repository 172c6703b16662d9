#include "parse/compact_json.h"

#include <charconv>
#include <cmath>
#include <map>

#include "base/arena.h"
#include "parse/json_text.h"

namespace capture::parse {
namespace {

/// Steps over validated JSON text.
class Walker {
  public:
    explicit Walker(std::string_view text) : text_(text) {}

    char peek() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' ||
                                      text_[at_] == '\r' || text_[at_] == '\t'))
            ++at_;
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    void pass() { ++at_; }
    /// One scalar, string or container.
    std::string_view value() {
        peek();
        std::size_t const start = at_;
        int depth = 0;
        do {
            switch (char const c = text_[at_]) {
                case '{':
                case '[':
                    ++depth, ++at_;
                    break;
                case '}':
                case ']':
                    --depth, ++at_;
                    break;
                case '"':
                    pass_string();
                    break;
                default:
                    ++at_;
                    if (depth == 0 && (c == '-' || is_word(c))) {
                        while (at_ < text_.size() && is_word(text_[at_]))
                            ++at_;
                    }
            }
        } while (depth > 0 && at_ < text_.size());
        return text_.substr(start, at_ - start);
    }

  private:
    static bool is_word(char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '+' || c == '-' ||
               c == '.' || c == 'E';
    }
    void pass_string() {
        ++at_;
        while (at_ < text_.size() && text_[at_] != '"')
            at_ += text_[at_] == '\\' ? 2 : 1;
        ++at_;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

class Printer {
  public:
    explicit Printer(std::size_t limit) : limit_(limit) {}

    void print(std::string_view value) {
        if (full()) return;
        switch (value.front()) {
            case '{':
                print_object(value);
                break;
            case '[':
                print_array(value);
                break;
            case '"':
                append_json_string(plain(value), out_);
                break;
            case 't':
            case 'f':
            case 'n':
                out_ += value;
                break;
            default:
                out_ += canonical_number(value);
        }
    }
    std::string take() { return std::move(out_); }

  private:
    bool full() const { return out_.size() > limit_; }

    static std::string plain(std::string_view string) {
        std::string_view const inner = string.substr(1, string.size() - 2);
        if (!inner.contains('\\')) return std::string(inner);
        base::Arena arena;
        return std::string(unescape(inner, arena));
    }

    void print_array(std::string_view value) {
        Walker walker(value);
        walker.peek();
        walker.pass();
        out_ += '[';
        bool first = true;
        while (walker.peek() != ']' && !full()) {
            if (!first) out_ += ',';
            first = false;
            print(walker.value());
            if (walker.peek() == ',') walker.pass();
        }
        out_ += ']';
    }

    void print_object(std::string_view value) {
        // A member takes five bytes at least, so keys beyond the smallest limit/5 are never
        // printed.
        std::size_t const most = limit_ / 5 + 1;
        std::map<std::string, std::string_view> members;
        Walker walker(value);
        walker.peek();
        walker.pass();
        while (walker.peek() != '}') {
            std::string key = plain(walker.value());
            walker.peek();
            walker.pass();
            std::string_view const member = walker.value();
            if (members.size() < most || key <= members.rbegin()->first) {
                members.insert_or_assign(std::move(key), member);
                if (members.size() > most) members.erase(std::prev(members.end()));
            }
            if (walker.peek() == ',') walker.pass();
        }
        out_ += '{';
        bool first = true;
        for (auto const& [key, member] : members) {
            if (full()) return;
            if (!first) out_ += ',';
            first = false;
            append_json_string(key, out_);
            out_ += ':';
            print(member);
        }
        out_ += '}';
    }

    std::size_t limit_;
    std::string out_;
};

}  // namespace

std::string canonical_number(std::string_view text) {
    const char* const end = text.data() + text.size();
    bool const negative = text.front() == '-';
    if (text.find_first_of(".eE") == text.npos && text != "-0") {
        std::int64_t number = 0;
        std::uint64_t large = 0;
        auto const error = negative ? std::from_chars(text.data(), end, number).ec
                                    : std::from_chars(text.data(), end, large).ec;
        if (error == std::errc()) return std::string(text);
    }
    double number = 0;
    auto const parsed = std::from_chars(text.data(), end, number);
    if (parsed.ec != std::errc()) return std::string(text);

    // Shortest digits d1d2… and the exponent of d1, then laid out as upstream's printer does.
    char buffer[40];
    auto const printed = std::to_chars(buffer, buffer + sizeof(buffer), std::fabs(number),
                                       std::chars_format::scientific);
    std::string_view const shortest(buffer, printed.ptr);
    std::size_t const mark = shortest.find('e');
    std::string digits(shortest.substr(0, 1));
    if (mark > 2) digits += shortest.substr(2, mark - 2);
    int exponent = 0;
    std::from_chars(shortest.data() + mark + (shortest[mark + 1] == '+' ? 2 : 1), printed.ptr,
                    exponent);

    auto const count = static_cast<int>(digits.size());
    int const point = exponent + 1;  // digits before the decimal point
    std::string out;
    if (std::signbit(number)) out += '-';
    if (point >= count && point <= 16) {
        out += digits;
        out.append(static_cast<std::size_t>(point - count), '0');
        out += ".0";
    } else if (point > 0 && point <= 16) {
        out.append(digits, 0, static_cast<std::size_t>(point));
        out += '.';
        out.append(digits, static_cast<std::size_t>(point));
    } else if (point > -5 && point <= 0) {
        out += "0.";
        out.append(static_cast<std::size_t>(-point), '0');
        out += digits;
    } else {
        out += digits.front();
        if (count > 1) {
            out += '.';
            out.append(digits, 1);
        }
        out += 'e';
        out += std::to_string(exponent);
    }
    return out;
}

std::string compact_json(model::RawJson value, std::size_t limit) {
    Printer printer(limit);
    printer.print(value);
    return printer.take();
}

}  // namespace capture::parse
