// Parts of JSON texts: numbers, escapes, strings. Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "model/event.h"

namespace capture::parse {

/// RFC 8259 number, the whole text.
bool is_json_number(std::string_view text);

/// The first backslash, or `end`.
const char* find_backslash(const char* begin, const char* end);

/// Checks the escapes of a string's inner text, whose first backslash is `first`: the first bad
/// one, or null.
const char* find_bad_escape(std::string_view text, const char* first, bool lone_surrogates);

/// The text that an escaped string stands for. Its escapes must be valid; lone surrogates become
/// U+FFFD. Empty once the arena is exhausted.
std::string_view unescape(std::string_view text, base::Arena& arena);

/// A string token without its quotes, still escaped. The default is an empty one.
struct JsonText {
    std::string_view text = std::string_view("\"\"").substr(1, 0);
    bool escaped = false;  ///< contains a backslash

    /// The quotes included.
    model::RawJson raw() const { return {text.data() - 1, text.size() + 2}; }
    /// The text itself where nothing is escaped, else an unescaped copy in the arena (empty once
    /// that is exhausted).
    std::string_view plain(base::Arena& arena) const {
        return escaped ? unescape(text, arena) : text;
    }
};

/// The text of a JSON string, nothing for another (or no) value.
std::optional<std::string_view> text_of(std::string_view json, base::Arena& arena);

/// Appends `text` as a JSON string: `"`, `\` and control characters escaped, the rest as it is.
void append_json_string(std::string_view text, std::string& out);

}  // namespace capture::parse
