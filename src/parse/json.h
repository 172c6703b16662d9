// A cursor over one JSON text that validates what it passes: the only JSON reader of the service.
//
// simdjson's first stage finds the tokens and refuses bad UTF-8, control characters in strings and
// unclosed strings; the cursor checks the rest of RFC 8259 (grammar, numbers, literals, escapes)
// and a nesting limit. Whatever it has passed may be forwarded as it is: a RawJson is a slice of
// the client's bytes. Numbers of any size and exponent are fine; a byte order mark is an error;
// lone surrogate escapes are one unless allowed.
//
//   json.open(text);
//   if (json.enter_object()) {
//       JsonText key;
//       while (json.next_key(key)) key.text == "a" ? use(json.value()) : json.skip();
//   }
//   json.finish();
//   if (!json.ok()) return fail(json.error());
//
// After the first error every call does nothing and answers "no more", so loops need no checks. The
// text must have base::Buffer::kSlack readable bytes after its end and outlive the cursor's
// results.
//
// Memory: texts are looked at in windows of 120 KiB, so the scratch of one cursor stays at 512 KiB
// however long the text is, except for a single token that is longer; shrink() gives back what
// such a one took. One thread at a time.
// Contract 10 §7, decision 24.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "model/event.h"

namespace capture::parse {

enum class LoneSurrogates : bool { Refuse, Allow };

/// A string token without its quotes, still escaped. The default is an empty one.
struct JsonText {
    std::string_view text = std::string_view("\"\"").substr(1, 0);
    bool escaped = false;  ///< contains a backslash

    /// The quotes included.
    model::RawJson raw() const { return {text.data() - 1, text.size() + 2}; }
    /// The text itself where nothing is escaped, else an unescaped copy in the arena (empty once
    /// that is exhausted).
    std::string_view plain(base::Arena& arena) const;
};

class JsonCursor {
  public:
    static constexpr int kMaxDepth = 128;

    explicit JsonCursor(LoneSurrogates surrogates = LoneSurrogates::Refuse);
    ~JsonCursor();
    JsonCursor(const JsonCursor&) = delete;
    JsonCursor& operator=(const JsonCursor&) = delete;

    /// Starts a new text.
    void open(std::string_view text);
    /// First byte of the next token: `{`, `[`, `"`, a digit or `-`, `t`, `f`, `n`; NUL at the end
    /// and after an error.
    char peek() const { return *here(); }
    /// Where the next token starts; not meaningful at the end.
    const char* here() const { return base_ + *token_; }

    /// Steps into the object or array that starts here. False (and an error) if none does.
    bool enter_object() { return enter('{'); }
    bool enter_array() { return enter('['); }
    /// Passes the next key and its colon; the value comes next. False once the object has been
    /// left.
    bool next_key(JsonText& key);
    /// Moves before the next element. False once the array has been left.
    bool next_element();

    /// The end of the object or array left last.
    const char* closed() const { return closed_; }

    /// Passes a value of any kind; gives its text (empty after an error).
    model::RawJson value();
    /// Passes a string.
    JsonText string();
    void skip() {
        const char* const at = here();
        if (*at != '"') return skip_other(at);
        if (pass_string(at, next())) advance();
    }

    /// The text must end here.
    void finish();
    bool ok() const { return problem_ == nullptr; }
    /// `expected value at line 1 column 17`.
    std::string error() const;

    /// Gives back scratch memory that only long tokens need.
    void shrink();

  private:
    struct Index;

    bool enter(char bracket);
    const char* next() const { return base_ + token_[1]; }
    void advance() {
        if (++token_ == last_) [[unlikely]]
            refill();
    }
    void leave() {
        closed_ = here() + 1;
        --depth_;
        advance();
    }
    bool pass_string(const char* at, const char* next_token) {
        if (backslash_ < next_token) [[unlikely]]
            return check_escapes(at, next_token);
        return true;
    }
    bool pass_scalar(const char* at, const char* next_token);
    void skip_other(const char* at);
    bool pass_key();
    bool walk();
    bool check_escapes(const char* at, const char* next_token);
    void refill();
    void stage(const char* begin);
    bool fail(const char* problem, const char* at);
    void stop();

    // Tokens of the current window: offsets from base_; *last_ is the window's length. At the end
    // of the text they describe one token whose first byte is NUL, so that peek() needs no check.
    const char* base_;
    const std::uint32_t* token_;
    const std::uint32_t* last_;
    const char* backslash_;  ///< the first one at or after the current token, or the window's end
    const char* window_end_ = nullptr;
    const char* closed_ = nullptr;
    int depth_ = 0;
    bool fresh_ = false;  ///< an opening bracket was the last thing passed
    const LoneSurrogates surrogates_;
    const char* begin_ = nullptr;
    const char* end_ = nullptr;
    const char* problem_ = nullptr;
    const char* problem_at_ = nullptr;
    std::unique_ptr<Index> index_;
};

inline bool is_json_blank(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

inline bool JsonCursor::next_key(JsonText& key) {
    char const c = *here();
    if (fresh_) {
        fresh_ = false;
        if (c == '}') {
            leave();
            return false;
        }
    } else if (c == ',') {
        advance();
    } else if (c == '}') {
        leave();
        return false;
    } else {
        return fail("expected `,` or `}`", here());
    }
    const char* const at = here();
    if (*at != '"') return fail("key must be a string", at);
    const char* const colon = next();
    const char* end = colon - 1;
    while (*end != '"')
        --end;
    key.text = {at + 1, end};
    key.escaped = backslash_ < colon;
    if (!pass_string(at, colon)) return false;
    advance();
    if (*here() != ':') return fail("expected `:`", here());
    advance();
    return true;
}

inline bool JsonCursor::next_element() {
    char const c = *here();
    if (fresh_) {
        fresh_ = false;
        if (c != ']') return ok();
    } else if (c == ',') {
        advance();
        return true;
    } else if (c != ']') {
        return fail("expected `,` or `]`", here());
    }
    leave();
    return false;
}

}  // namespace capture::parse
