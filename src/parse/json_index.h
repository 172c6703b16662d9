// The first stage of reading JSON: where the tokens of a text start. What they are, and whether
// they may stand where they do, is the cursor's to say (json.h).
//
// A token is a bracket (`{ } [ ]`), a string (at its opening quote) or a scalar: a run of other
// bytes outside of strings. Commas and colons are none: they only separate, as blanks do, and the
// few bytes between two tokens show them more cheaply than an entry here would. That halves the
// entries. Form feeds and substitutes (0x1a), which a comma and a colon differ from in one bit,
// count as separators as well; the cursor finds that they may not stand there.
//
// A text is indexed in windows, so that what is found stays in a core's first cache and takes the
// same 33 KiB however long the text is. A window ends where its last token starts, which is never
// inside of a string; the next one begins there. A token of any length therefore needs no room but
// its entry.
//
// Pure functions, of any thread; the text must be valid UTF-8 (decode's gate sees to it).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace capture::parse {

inline bool is_json_blank(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
/// Ends a scalar and belongs to no token.
inline bool is_json_separator(char c) {
    return c > ',' ? c == ':' : c == ',' || is_json_blank(c) || c == '\f' || c == '\x1a';
}

struct JsonWindow {
    /// Bytes of text that are looked at, unless they hold less than two tokens.
    static constexpr std::size_t kBytes = std::size_t{8} << 10;

    std::size_t count;      ///< tokens
    const char* end;        ///< where the next window begins: a token's start, or the text's end
    const char* backslash;  ///< the first one, or `end` or something behind it
    /// Where the tokens start, counted from the window's begin; behind the last the window's end.
    /// A window is shorter than 4 GiB because bodies are.
    std::array<std::uint32_t, kBytes + 64> tokens;
};

/// Indexes a window that begins at `begin`, outside of strings. No token: there is none up to the
/// end of the text. False when a string has a control character in it or has no end; the window
/// holds nothing then. Reads up to base::Buffer::kSlack bytes behind `end`, whose values do not
/// matter.
using JsonIndexer = bool (*)(const char* begin, const char* end, JsonWindow& window);

/// For every machine.
bool index_json_portably(const char* begin, const char* end, JsonWindow& window);

/// The fastest one that this machine can run; all find the same.
JsonIndexer fastest_json_indexer();

}  // namespace capture::parse
