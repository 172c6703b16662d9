#include "parse/json_text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace capture::parse {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

const char* pass_digits(const char* p, const char* end) {
    while (p < end && is_digit(*p))
        ++p;
    return p;
}

/// Value of four hex digits, or -1.
int hex4(const char* p) {
    int value = 0;
    for (int i = 0; i < 4; ++i) {
        char const c = p[i];
        int digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if (c >= 'a' && c <= 'f')
            digit = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F')
            digit = c - 'A' + 10;
        else
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

bool is_high(int unit) {
    return unit >= 0xd800 && unit < 0xdc00;
}
bool is_low(int unit) {
    return unit >= 0xdc00 && unit < 0xe000;
}

/// Bytes of the escape at `p`: 2, 6, or 12 for a surrogate pair; 0 if it is bad.
std::size_t escape_size(const char* p, const char* end, bool lone_surrogates) {
    if (end - p < 2) return 0;
    switch (p[1]) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't':
            return 2;
        case 'u':
            break;
        default:
            return 0;
    }
    if (end - p < 6) return 0;
    int const unit = hex4(p + 2);
    if (unit < 0) return 0;
    if (is_high(unit)) {
        if (end - p >= 12 && p[6] == '\\' && p[7] == 'u' && is_low(hex4(p + 8))) return 12;
        return lone_surrogates ? 6 : 0;
    }
    return is_low(unit) && !lone_surrogates ? 0 : 6;
}

char* put_utf8(char* out, std::uint32_t c) {
    if (c < 0x80) {
        *out++ = static_cast<char>(c);
    } else if (c < 0x800) {
        *out++ = static_cast<char>(0xc0 | c >> 6);
        *out++ = static_cast<char>(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = static_cast<char>(0xe0 | c >> 12);
        *out++ = static_cast<char>(0x80 | (c >> 6 & 0x3f));
        *out++ = static_cast<char>(0x80 | (c & 0x3f));
    } else {
        *out++ = static_cast<char>(0xf0 | c >> 18);
        *out++ = static_cast<char>(0x80 | (c >> 12 & 0x3f));
        *out++ = static_cast<char>(0x80 | (c >> 6 & 0x3f));
        *out++ = static_cast<char>(0x80 | (c & 0x3f));
    }
    return out;
}

char* put_escape(char* out, const char* p, std::size_t size) {
    if (size == 2) {
        switch (p[1]) {
            case 'b':
                *out = '\b';
                break;
            case 'f':
                *out = '\f';
                break;
            case 'n':
                *out = '\n';
                break;
            case 'r':
                *out = '\r';
                break;
            case 't':
                *out = '\t';
                break;
            default:
                *out = p[1];
        }
        return out + 1;
    }
    auto const unit = static_cast<std::uint32_t>(hex4(p + 2));
    if (size == 6) return put_utf8(out, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
    auto const low = static_cast<std::uint32_t>(hex4(p + 8));
    return put_utf8(out, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
}

}  // namespace

bool is_json_number(std::string_view text) {
    const char* p = text.data();
    const char* const end = p + text.size();
    if (p < end && *p == '-') ++p;
    const char* const whole = p;
    p = pass_digits(p, end);
    if (p == whole || (*whole == '0' && p != whole + 1)) return false;
    if (p < end && *p == '.') {
        const char* const fraction = ++p;
        p = pass_digits(p, end);
        if (p == fraction) return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        ++p;
        if (p < end && (*p == '+' || *p == '-')) ++p;
        const char* const exponent = p;
        p = pass_digits(p, end);
        if (p == exponent) return false;
    }
    return p == end;
}

const char* find_backslash(const char* begin, const char* end) {
    auto const* found =
        static_cast<const char*>(std::memchr(begin, '\\', static_cast<std::size_t>(end - begin)));
    return found ? found : end;
}

const char* find_bad_escape(std::string_view text, const char* first, bool lone_surrogates) {
    const char* const end = text.data() + text.size();
    for (const char* p = first; p < end;) {
        std::size_t const size = escape_size(p, end, lone_surrogates);
        if (size == 0) return p;
        p += size;
        if (p < end && *p != '\\') p = find_backslash(p, end);
    }
    return nullptr;
}

std::string_view unescape(std::string_view text, base::Arena& arena) {
    if (arena.exhausted()) return {};
    // No escape stands for more bytes than it has.
    char* const begin = arena.allocate(text.size());
    char* out = begin;
    const char* p = text.data();
    const char* const end = p + text.size();
    while (p < end) {
        const char* const stop = find_backslash(p, end);
        std::size_t const plain = static_cast<std::size_t>(stop - p);
        std::memcpy(out, p, plain);
        out += plain;
        p = stop;
        if (p == end) break;
        std::size_t const size = escape_size(p, end, true);
        if (size == 0) break;
        out = put_escape(out, p, size);
        p += size;
    }
    return {begin, out};
}

std::optional<std::string_view> text_of(std::string_view json, base::Arena& arena) {
    if (!json.starts_with('"')) return std::nullopt;
    std::string_view const inner = json.substr(1, json.size() - 2);
    return inner.contains('\\') ? unescape(inner, arena) : inner;
}

void append_json_string(std::string_view text, std::string& out) {
    static constexpr char kHex[] = "0123456789abcdef";
    out += '"';
    for (char const c : text) {
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\b':
                out += "\\b";
                break;
            case '\f':
                out += "\\f";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    out += "\\u00";
                    out += kHex[c >> 4];
                    out += kHex[c & 15];
                } else {
                    out += c;
                }
        }
    }
    out += '"';
}

}  // namespace capture::parse
