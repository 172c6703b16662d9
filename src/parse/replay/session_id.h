// What a session id is made of. Contract 40 §7.
#pragma once

#include <cstddef>
#include <string_view>

namespace capture::parse::replay {

inline constexpr std::size_t kMaxSessionId = 70;  ///< bytes

/// Null when the text is a session id (the empty one is), else `too_long` or `invalid_charset`.
inline const char* session_id_problem(std::string_view text) {
    if (text.size() > kMaxSessionId) return "too_long";
    for (char const c : text) {
        bool const letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!letter && !(c >= '0' && c <= '9') && c != '-') return "invalid_charset";
    }
    return nullptr;
}

}  // namespace capture::parse::replay
