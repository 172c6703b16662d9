// A cursor over one JSON text that validates what it passes: the only JSON reader of the service.
//
// The index (json_index.h) finds the tokens and refuses control characters in strings and unclosed
// strings; the cursor checks the rest of RFC 8259 (what separates tokens, numbers, literals,
// escapes) and a nesting limit. Whatever it has passed may be forwarded as it is: a RawJson is a
// slice of the client's bytes. Numbers of any size and exponent are fine; a byte order mark is an
// error; lone surrogate escapes are one unless allowed.
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
// text must be valid UTF-8 (decode's gate sees to it), have base::Buffer::kSlack readable bytes
// after its end and outlive the cursor's results.
//
// Memory: the index of one window, 33 KiB, however long the text and its tokens are. One thread at
// a time. Contract 10 §7, decision 24.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "model/event.h"
#include "parse/json_index.h"
#include "parse/json_text.h"

namespace capture::parse {

enum class LoneSurrogates : bool { Refuse, Allow };

class JsonCursor {
  public:
    static constexpr int kMaxDepth = 128;

    explicit JsonCursor(LoneSurrogates surrogates = LoneSurrogates::Refuse);

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
    /// Passes the next key and its colon; the value comes next. False once the object is left.
    bool next_key(JsonText& key);
    /// Moves before the next element. False once the array is left.
    bool next_element() { return next_member(']'); }
    /// The end of the object or array that has just been left.
    const char* closed() const { return passed_; }
    /// Whether the string that comes next has a backslash.
    bool escaped() const { return backslash_ < next(); }
    /// Passes a value of any kind; gives its text (empty after an error).
    model::RawJson value();
    /// Passes a string.
    JsonText string();
    void skip() {
        const char* const at = here();
        *at == '"' ? pass_string(at) : pass_other(at);
    }

    /// The text must end here.
    void finish();
    bool ok() const { return problem_ == nullptr; }
    /// `expected value at line 1 column 17`.
    std::string error() const;

  private:
    const char* next() const { return base_ + token_[1]; }
    void advance() {
        if (++token_ == last_) [[unlikely]]
            stage(window_->end);
    }
    /// Whether these bytes, a string's end and what separates, stand before the next token.
    bool seam(std::string_view bytes) const {
        return std::memcmp(next() - bytes.size(), bytes.data(), bytes.size()) == 0;
    }
    bool pass_string(const char* at) {
        passed_ = seam("\",") ? next() - 1 : find_string_end();
        if (backslash_ < passed_ && !check_escapes(at)) [[unlikely]]
            return false;
        advance();
        return true;
    }
    bool next_member(char closer) {
        const char* const from = passed_ + 1;
        if (*passed_ == ',' && (from == here() || (*from == ' ' && from + 1 == here())))
            return true;
        return find_member(closer);
    }
    const char* find_string_end() const;
    bool enter(char bracket);
    bool find_member(char closer);
    const char* pass_key();
    bool pass_other(const char* at);
    bool pass_container();
    bool pass_scalar(const char* at);
    bool pass_long_scalar(const char* at);
    bool check_escapes(const char* at);
    bool pass_blanks(const char* from, const char* problem);
    const char* find_mark(const char* from) const;
    void stage(const char* begin);
    [[gnu::cold]] bool fail(const char* problem, const char* at);
    void stop();

    // Tokens of the current window: offsets from base_; *last_ is the window's length. At the end
    // of the text they describe one token whose first byte is NUL, so that peek() needs no check.
    const char* base_;
    const std::uint32_t* token_;
    const std::uint32_t* last_;
    const char* backslash_;  ///< the first one at or after the current token, or any later place
    const char* passed_;     ///< end of the value passed last; special behind an opening bracket
    int depth_ = 0;
    const LoneSurrogates surrogates_;
    const JsonIndexer indexer_;
    const char* begin_ = nullptr;
    const char* end_ = nullptr;
    const char* problem_ = nullptr;
    const char* problem_at_ = nullptr;
    std::unique_ptr<JsonWindow> window_;
};

inline bool JsonCursor::next_key(JsonText& key) {
    if (!next_member('}')) return false;
    const char* const at = here();
    key.escaped = escaped();
    if (*at == '"' && !key.escaped) [[likely]] {
        if (int const tail = seam("\":") ? 2 : seam("\": ") ? 3 : 0) {
            key.text = {at + 1, next() - tail};
            advance();
            return true;
        }
    }
    const char* const end = pass_key();
    if (end) key.text = {at + 1, end};
    return end != nullptr;
}

}  // namespace capture::parse
