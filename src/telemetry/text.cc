#include "telemetry/text.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace capture::telemetry {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Bytes of the well-formed sequence at the start of `text`; 0 when there is none (Unicode table
/// 3-7).
std::size_t sequence(std::string_view text) {
    auto at = [&](std::size_t i) {
        return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0u;
    };
    auto tail = [&](std::size_t i) { return (at(i) & 0xC0u) == 0x80u; };
    unsigned const lead = at(0);
    unsigned const second = at(1);
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        bool const fits = !(lead == 0xE0 && second < 0xA0) && !(lead == 0xED && second > 0x9F);
        return fits && tail(1) && tail(2) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        bool const fits = !(lead == 0xF0 && second < 0x90) && !(lead == 0xF4 && second > 0x8F);
        return fits && tail(1) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

/// Copies `text`; `escape` appends what stands for an ASCII character and says whether it did.
template <typename Escape>
void append_clean(std::string& out, std::string_view text, Escape escape) {
    while (!text.empty()) {
        std::size_t const length = sequence(text);
        if (length == 0) {
            out += kReplacement;
            text.remove_prefix(1);
            continue;
        }
        if (length > 1 || !escape(out, text[0])) out.append(text.substr(0, length));
        text.remove_prefix(length);
    }
}

}  // namespace

void append_label_value(std::string& out, std::string_view value) {
    append_clean(out, value, [](std::string& o, char c) {
        if (c == '\\' || c == '"') return o.append(1, '\\').append(1, c), true;
        if (c == '\n') return o.append("\\n"), true;
        return false;
    });
}

void append_help(std::string& out, std::string_view help) {
    append_clean(out, help, [](std::string& o, char c) {
        if (c == '\\') return o.append("\\\\"), true;
        if (c == '\n') return o.append("\\n"), true;
        return false;
    });
}

void append_number(std::string& out, double value) {
    if (std::isnan(value)) {
        out += "NaN";
    } else if (std::isinf(value)) {
        out += value > 0 ? "+Inf" : "-Inf";
    } else {
        char text[400];
        auto const end =
            std::to_chars(text, text + sizeof(text), value, std::chars_format::fixed).ptr;
        out.append(text, end);
    }
}

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    append_clean(out, text, [](std::string& o, char c) {
        constexpr std::string_view kHex = "0123456789abcdef";
        auto const code = static_cast<std::uint8_t>(c);
        switch (c) {
            case '"':
                return o.append("\\\""), true;
            case '\\':
                return o.append("\\\\"), true;
            case '\n':
                return o.append("\\n"), true;
            case '\r':
                return o.append("\\r"), true;
            case '\t':
                return o.append("\\t"), true;
            default:
                break;
        }
        if (code >= 0x20 && code != 0x7F) return false;
        o.append("\\u00").append(1, kHex[code >> 4]).append(1, kHex[code & 15]);
        return true;
    });
    out += '"';
}

}  // namespace capture::telemetry
