// The two comma lists of keys that operators write: what is blank, and how an entry falls into
// parts.
#pragma once

#include <string_view>

namespace capture::limits {

inline bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n\v\f") == text.npos;
}

/// Calls `part` with each piece between separators, empty ones included.
template <typename F>
void for_each_part(std::string_view text, char separator, F part) {
    while (true) {
        auto const end = text.find(separator);
        part(text.substr(0, end));
        if (end == text.npos) return;
        text.remove_prefix(end + 1);
    }
}

/// The first `:`-separated part that is not blank; empty when there is none.
inline std::string_view first_part(std::string_view text) {
    std::string_view first;
    for_each_part(text, ':', [&](std::string_view part) {
        if (first.empty() && !is_blank(part)) first = part;
    });
    return first;
}

}  // namespace capture::limits
