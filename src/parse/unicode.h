// Code points in UTF-8 text. Pure functions.
#pragma once

#include <cstddef>
#include <string_view>

namespace capture::parse {

/// Bytes of the UTF-8 sequence at the start of a non-empty text; 0 if it is not one.
std::size_t utf8_sequence(std::string_view text);

/// The code point at `at` of valid UTF-8; moves past it.
char32_t next_code_point(std::string_view text, std::size_t& at);

/// White space in the Unicode sense (property White_Space).
bool is_white_space(char32_t c);

/// Without the white space around it.
std::string_view trim_white_space(std::string_view text);

std::size_t count_code_points(std::string_view text);

/// The first `count` code points (all, if there are fewer).
std::string_view first_code_points(std::string_view text, std::size_t count);

}  // namespace capture::parse
