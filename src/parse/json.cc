#include "parse/json.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "parse/json_text.h"

namespace capture::parse {
namespace {

constexpr const char* kNothing = "";
constexpr std::array<std::uint32_t, 2> kNoTokens{0, 1};

constexpr const char* kNoKey = "key must be a string";
constexpr const char* kNoValue = "expected value";

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// The end of the scalar at `at`, null if it is none; `next` is the next token.
const char* scalar_end(const char* at, const char* next) {
    const char* end = next;
    while (is_json_separator(end[-1]))
        --end;
    std::string_view const text(at, end);
    bool const good = *at == 't'   ? text == "true"
                      : *at == 'f' ? text == "false"
                      : *at == 'n' ? text == "null"
                                   : is_json_number(text);
    return good ? end : nullptr;
}

/// What is wrong with a text that cannot be indexed, and where.
struct Lexical {
    const char* problem;
    const char* at;
};
Lexical explain(const char* begin, const char* end) {
    bool in_string = false;
    for (const char* p = begin; p < end; ++p) {
        if (in_string && static_cast<unsigned char>(*p) < 0x20)
            return {"control character in a string", p};
        if (in_string && *p == '\\')
            ++p;
        else if (*p == '"')
            in_string = !in_string;
    }
    return {"unexpected end of text in a string", end};
}

}  // namespace

JsonCursor::JsonCursor(LoneSurrogates surrogates)
    : passed_(kNothing),
      surrogates_(surrogates),
      indexer_(fastest_json_indexer()),
      window_(std::make_unique_for_overwrite<JsonWindow>()) {
    stop();
}

void JsonCursor::open(std::string_view text) {
    begin_ = text.data();
    end_ = text.data() + text.size();
    problem_ = nullptr;
    passed_ = kNothing;
    depth_ = 0;
    stage(begin_);
    pass_blanks(begin_, kNoValue);
}

/// Indexes the window that begins at `begin`.
void JsonCursor::stage(const char* begin) {
    if (!indexer_(begin, end_, *window_)) {
        Lexical const found = explain(begin, end_);
        fail(found.problem, found.at);
        return;
    }
    if (window_->count == 0) return stop();
    base_ = begin;
    token_ = window_->tokens.data();
    last_ = token_ + window_->count;
    backslash_ = window_->backslash;
}

void JsonCursor::stop() {
    base_ = kNothing;
    token_ = kNoTokens.data();
    last_ = kNoTokens.data() + 1;
    backslash_ = kNothing + 1;
}

bool JsonCursor::fail(const char* problem, const char* at) {
    if (!problem_) {
        bool const ended = at == kNothing;
        problem_ = ended ? "unexpected end of text" : problem;
        problem_at_ = ended ? end_ : at;
    }
    stop();
    return false;
}

std::string JsonCursor::error() const {
    if (ok()) return "no error";
    std::string text = problem_;
    std::string_view const before(begin_, problem_at_);
    std::size_t const line = static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1;
    std::size_t const start = before.rfind('\n') + 1;  // npos + 1 is 0
    text +=
        " at line " + std::to_string(line) + " column " + std::to_string(before.size() - start + 1);
    return text;
}

bool JsonCursor::enter(char bracket) {
    const char* const at = here();
    if (*at != bracket)
        return fail(bracket == '{' ? "expected an object" : "expected an array", at);
    if (depth_ == kMaxDepth) return fail("nesting limit exceeded", at);
    ++depth_;
    passed_ = kNothing;
    advance();
    return pass_blanks(at + 1, bracket == '{' ? kNoKey : kNoValue);
}

/// The first byte behind `from` that is not blank: a separator, or the next token's.
const char* JsonCursor::find_mark(const char* from) const {
    if (from == here() || from == kNothing) return here();
    const char* const end = base_ == kNothing ? end_ : here();
    while (from < end && is_json_blank(*from))
        ++from;
    return from < end ? from : here();
}

/// Only blanks may stand before the next token.
bool JsonCursor::pass_blanks(const char* from, const char* problem) {
    const char* const mark = find_mark(from);
    return mark == here() || fail(problem, mark);
}

/// Moves before the next member or element, or leaves the object or array.
bool JsonCursor::find_member(char closer) {
    if (!ok()) return false;
    const char* const mark = find_mark(passed_);
    if (*mark == closer) {
        passed_ = mark + 1;
        --depth_;
        advance();
        return false;
    }
    if (passed_ == kNothing) return true;
    if (*mark == ',') return pass_blanks(mark + 1, closer == '}' ? kNoKey : kNoValue);
    return fail(closer == '}' ? "expected `,` or `}`" : "expected `,` or `]`", mark);
}

/// The end of the string that starts here: only separators stand between it and the next token.
const char* JsonCursor::find_string_end() const {
    const char* end = next();
    while (end[-1] != '"')
        --end;
    return end;
}

/// Most are short integers, and before a comma.
bool JsonCursor::pass_scalar(const char* at) {
    const char* const after = next();
    const char* end = at;
    while (is_digit(*end) && end < after)
        ++end;
    bool const sure = *end == ',' && end != at && (*at != '0' || end == at + 1);
    if (!sure) return pass_long_scalar(at);
    passed_ = end;
    advance();
    return true;
}

bool JsonCursor::pass_long_scalar(const char* at) {
    const char* const end = scalar_end(at, next());
    if (!end) return fail(is_digit(*at) || *at == '-' ? "invalid number" : kNoValue, at);
    passed_ = end;
    advance();
    return true;
}

/// Gives where the key's text ends, or null.
const char* JsonCursor::pass_key() {
    const char* const at = here();
    if (*at != '"') return fail(kNoKey, at), nullptr;
    if (!pass_string(at)) return nullptr;
    const char* const mark = find_mark(passed_);
    if (*mark != ':') return fail("expected `:`", mark), nullptr;
    return pass_blanks(mark + 1, kNoValue) ? passed_ - 1 : nullptr;
}

/// Passes the object or array that starts here.
bool JsonCursor::pass_container() {
    std::array<bool, kMaxDepth + 1> object;
    int const floor = depth_;
    JsonText key;
    for (;;) {
        const char* const at = here();
        if (*at == '"') {
            if (!pass_string(at)) return false;
        } else if (*at == '{' || *at == '[') {
            if (!enter(*at)) return false;
            object[depth_] = *at == '{';
        } else if (!pass_scalar(at)) {
            return false;
        }
        while (depth_ > floor && !(object[depth_] ? next_key(key) : next_element())) {
            if (!ok()) return false;
        }
        if (depth_ == floor) return true;
    }
}

bool JsonCursor::pass_other(const char* at) {
    return *at == '{' || *at == '[' ? pass_container() : pass_scalar(at);
}

model::RawJson JsonCursor::value() {
    const char* const at = here();
    if (!(*at == '"' ? pass_string(at) : pass_other(at))) return {};
    return {at, passed_};
}

JsonText JsonCursor::string() {
    const char* const at = here();
    if (*at != '"') {
        fail("expected a string", at);
        return {};
    }
    bool const has_escapes = escaped();
    if (!pass_string(at)) return {};
    return {{at + 1, passed_ - 1}, has_escapes};
}

bool JsonCursor::check_escapes(const char* at) {
    std::string_view const text(at + 1, passed_ - 1);
    const char* const bad = find_bad_escape(text, backslash_, surrogates_ == LoneSurrogates::Allow);
    if (bad)
        return fail(bad[1] == 'u' ? "lone surrogate or bad \\u escape" : "invalid escape", bad);
    backslash_ = find_backslash(passed_, window_->end);
    return true;
}

void JsonCursor::finish() {
    if (!ok()) return;
    const char* const mark = find_mark(passed_);
    if (mark != kNothing) fail("trailing characters", mark);
}

}  // namespace capture::parse
