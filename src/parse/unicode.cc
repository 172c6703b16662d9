#include "parse/unicode.h"

#include <algorithm>

namespace capture::parse {

std::size_t utf8_sequence(std::string_view text) {
    auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    unsigned char const first = byte(0);
    if (first < 0x80) return 1;
    std::size_t const size = first < 0xc2   ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
    if (size == 0 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
    }
    if (first == 0xe0 && byte(1) < 0xa0) return 0;
    if (first == 0xed && byte(1) > 0x9f) return 0;
    if (first == 0xf0 && byte(1) < 0x90) return 0;
    if (first == 0xf4 && byte(1) > 0x8f) return 0;
    return size;
}

char32_t next_code_point(std::string_view text, std::size_t& at) {
    auto const byte = [&] { return static_cast<unsigned char>(text[at++]); };
    char32_t const first = byte();
    if (first < 0x80) return first;
    if (first < 0xe0) return (first & 0x1f) << 6 | (byte() & 0x3f);
    char32_t c = first < 0xf0 ? first & 0x0f : first & 0x07;
    for (int left = first < 0xf0 ? 2 : 3; left > 0; --left)
        c = c << 6 | (byte() & 0x3f);
    return c;
}

bool is_white_space(char32_t c) {
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

std::string_view trim_white_space(std::string_view text) {
    for (std::size_t at = 0; !text.empty(); at = 0) {
        if (!is_white_space(next_code_point(text, at))) break;
        text.remove_prefix(at);
    }
    while (!text.empty()) {
        std::size_t start = text.size() - 1;
        while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80)
            --start;
        std::size_t at = start;
        if (!is_white_space(next_code_point(text, at))) break;
        text.remove_suffix(text.size() - start);
    }
    return text;
}

std::size_t count_code_points(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string_view first_code_points(std::string_view text, std::size_t count) {
    if (text.size() <= count) return text;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        bool const starts = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
        if (starts && count-- == 0) break;
    }
    return text.substr(0, at);
}

}  // namespace capture::parse
