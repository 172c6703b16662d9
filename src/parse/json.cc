#include "parse/json.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "parse/json_text.h"
#include "parse/unicode.h"

namespace capture::parse {
namespace {

/// What an index is made for, and kept for the next text. It takes up to four bytes per byte of
/// text: this much stays in a core's cache, and is too little for an allocator to give back at
/// once.
constexpr std::size_t kKeep = std::size_t{128} << 10;
/// How much of a text is indexed at once, and some room for the end of the last token.
constexpr std::size_t kWindow = kKeep - (std::size_t{8} << 10);
constexpr std::size_t kSmallest = std::size_t{16} << 10;

constexpr const char* kNothing = "";
constexpr std::array<std::uint32_t, 2> kNoTokens{0, 1};

bool is_cut(char c) {
    return is_json_blank(c) || c == ',' || c == ':' || c == '[' || c == ']' || c == '{' || c == '}';
}

/// Walks over text that starts outside a string and knows whether a string is open.
class QuoteState {
  public:
    explicit QuoteState(const char* at) : at_(at) {}

    /// Passes a block (to `end` if less is left), whole escapes at a time.
    void pass_block(const char* end) {
        const char* const stop = at_ + std::min<std::ptrdiff_t>(end - at_, 256);
        if (stop - at_ == 256 && pass_plain<256>()) return;
        // Most of a block with a backslash has none.
        while (stop - at_ >= 32) {
            if (pass_plain<32>()) continue;
            for (const char* const part = at_ + 32; at_ < part;)
                pass_char();
        }
        while (at_ < stop)
            pass_char();
        at_ = std::min(at_, end);
    }
    void pass_char() {
        // A backslash outside a string is an error in any case; which one does not matter here.
        if (*at_ == '\\')
            ++at_;
        else if (*at_ == '"')
            open_ = !open_;
        ++at_;
    }
    const char* at() const { return at_; }
    bool open() const { return open_; }

  private:
    /// Passes that many bytes unless there is a backslash in them. Vectorised by the compiler.
    template <std::size_t kSize>
    bool pass_plain() {
        std::uint8_t quotes = 0;
        std::uint8_t backslashes = 0;
        for (std::size_t i = 0; i < kSize; ++i) {
            quotes ^= static_cast<std::uint8_t>(at_[i] == '"');
            backslashes |= static_cast<std::uint8_t>(at_[i] == '\\');
        }
        if (backslashes) return false;
        open_ ^= quotes != 0;
        at_ += kSize;
        return true;
    }

    const char* at_;
    bool open_ = false;
};

/// The end of the window that starts at `begin`: a place outside of strings, after a byte that no
/// token spans.
const char* find_cut(const char* begin, const char* end) {
    if (static_cast<std::size_t>(end - begin) <= kWindow) return end;
    QuoteState quotes(begin);
    while (quotes.at() < begin + kWindow)
        quotes.pass_block(end);
    while (quotes.at() < end) {
        const char* const block = quotes.at();
        while (!quotes.open() && quotes.at() < end && quotes.at() < block + 256) {
            if (is_cut(*quotes.at())) return quotes.at() + 1;
            quotes.pass_char();
        }
        if (quotes.at() < end) quotes.pass_block(end);
    }
    return end;
}

/// What is wrong with a text that the first stage refuses, and where.
struct Lexical {
    const char* problem;
    const char* at;
};
Lexical explain(const char* begin, const char* end) {
    bool in_string = false;
    const char* p = begin;
    while (p < end) {
        if (static_cast<unsigned char>(*p) >= 0x80) {
            std::size_t const size = utf8_sequence({p, end});
            if (size == 0) return {"invalid UTF-8", p};
            p += size;
            continue;
        }
        if (in_string && static_cast<unsigned char>(*p) < 0x20)
            return {"control character in a string", p};
        if (in_string && *p == '\\')
            ++p;
        else if (*p == '"')
            in_string = !in_string;
        ++p;
    }
    return {"unexpected end of text in a string", end};
}

}  // namespace

struct JsonCursor::Index {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
    std::size_t capacity = 0;

    bool reserve(std::size_t wanted) {
        if (wanted <= capacity) return true;
        std::size_t size = std::max(capacity, kSmallest);
        while (size < wanted)
            size *= 2;
        parser.reset();
        capacity = 0;
        auto const& kernel = simdjson::get_active_implementation();
        if (kernel->create_dom_parser_implementation(size, 1, parser) != simdjson::SUCCESS)
            return false;
        capacity = size;
        return true;
    }
};

std::string_view JsonText::plain(base::Arena& arena) const {
    return escaped ? unescape(text, arena) : text;
}

JsonCursor::JsonCursor(LoneSurrogates surrogates)
    : surrogates_(surrogates), index_(std::make_unique<Index>()) {
    stop();
}
JsonCursor::~JsonCursor() = default;

void JsonCursor::open(std::string_view text) {
    begin_ = text.data();
    end_ = text.data() + text.size();
    problem_ = nullptr;
    depth_ = 0;
    fresh_ = false;
    if (text.empty()) {
        window_end_ = end_;
        stop();
        return;
    }
    stage(begin_);
}

/// Indexes windows from `begin` on until one has a token.
void JsonCursor::stage(const char* begin) {
    while (begin < end_) {
        const char* const cut = find_cut(begin, end_);
        std::size_t const size = static_cast<std::size_t>(cut - begin);
        if (!index_->reserve(size)) {
            fail("out of memory", begin);
            return;
        }
        auto& parser = *index_->parser;
        auto const outcome = parser.stage1(reinterpret_cast<const std::uint8_t*>(begin), size,
                                           simdjson::stage1_mode::regular);
        window_end_ = cut;
        begin = cut;
        if (outcome == simdjson::EMPTY) continue;
        if (outcome != simdjson::SUCCESS) {
            Lexical const found = explain(cut - size, cut);
            fail(found.problem, found.at);
            return;
        }
        base_ = cut - size;
        std::uint32_t* const tokens = parser.structural_indexes.get();
        tokens[parser.n_structural_indexes] = static_cast<std::uint32_t>(size);
        token_ = tokens;
        last_ = tokens + parser.n_structural_indexes;
        backslash_ = find_backslash(base_, window_end_);
        return;
    }
    stop();
}

void JsonCursor::refill() {
    stage(window_end_);
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
    std::string text = problem_ ? problem_ : "no error";
    if (!problem_at_) return text;
    std::string_view const before(begin_, problem_at_);
    std::size_t const line = static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1;
    std::size_t const start = before.rfind('\n') + 1;  // npos + 1 is 0
    text +=
        " at line " + std::to_string(line) + " column " + std::to_string(before.size() - start + 1);
    return text;
}

bool JsonCursor::enter(char bracket) {
    if (*here() != bracket)
        return fail(bracket == '{' ? "expected an object" : "expected an array", here());
    if (depth_ == kMaxDepth) return fail("nesting limit exceeded", here());
    ++depth_;
    fresh_ = true;
    advance();
    return true;
}

bool JsonCursor::pass_scalar(const char* at, const char* next_token) {
    const char* end = next_token;
    while (is_json_blank(end[-1]))
        --end;
    std::string_view const text(at, end);
    switch (*at) {
        case 't':
            return text == "true" || fail("expected value", at);
        case 'f':
            return text == "false" || fail("expected value", at);
        case 'n':
            return text == "null" || fail("expected value", at);
        case '-':
        case '0' ... '9':
            return is_json_number(text) || fail("invalid number", at);
        default:
            return fail("expected value", at);
    }
}

bool JsonCursor::pass_key() {
    const char* const at = here();
    if (*at != '"') return fail("key must be a string", at);
    if (!pass_string(at, next())) return false;
    advance();
    if (*here() != ':') return fail("expected `:`", here());
    advance();
    return true;
}

/// Passes the object or array that starts here.
bool JsonCursor::walk() {
    std::array<bool, kMaxDepth + 1> object;
    int const floor = depth_;
    for (;;) {
        const char* const at = here();
        if (*at == '"') {
            if (!pass_string(at, next())) return false;
            advance();
        } else if (*at == '{' || *at == '[') {
            if (depth_ == kMaxDepth) return fail("nesting limit exceeded", at);
            object[++depth_] = *at == '{';
            advance();
            if (*here() != (object[depth_] ? '}' : ']')) {
                if (object[depth_] && !pass_key()) return false;
                continue;
            }
        } else {
            if (!pass_scalar(at, next())) return false;
            advance();
        }
        for (;;) {
            if (depth_ == floor) return true;
            char const c = *here();
            if (c == ',') {
                advance();
                if (object[depth_] && !pass_key()) return false;
                break;
            }
            if (c != (object[depth_] ? '}' : ']')) {
                return fail(object[depth_] ? "expected `,` or `}`" : "expected `,` or `]`", here());
            }
            leave();
        }
    }
}

model::RawJson JsonCursor::value() {
    const char* const at = here();
    if (*at == '{' || *at == '[') {
        if (!walk()) return {};
        return {at, closed_};
    }
    const char* const next_token = next();
    bool const passed = *at == '"' ? pass_string(at, next_token) : pass_scalar(at, next_token);
    if (!passed) return {};
    const char* end = next_token;
    while (is_json_blank(end[-1]))
        --end;
    advance();
    return {at, end};
}

void JsonCursor::skip_other(const char* at) {
    if (*at == '{' || *at == '[') {
        walk();
    } else if (pass_scalar(at, next())) {
        advance();
    }
}

JsonText JsonCursor::string() {
    const char* const at = here();
    if (*at != '"') {
        fail("expected a string", at);
        return {};
    }
    const char* const next_token = next();
    bool const escaped = backslash_ < next_token;
    if (!pass_string(at, next_token)) return {};
    const char* end = next_token - 1;
    while (*end != '"')
        --end;
    advance();
    return {{at + 1, end}, escaped};
}

bool JsonCursor::check_escapes(const char* at, const char* next_token) {
    const char* end = next_token - 1;
    while (*end != '"')
        --end;
    std::string_view const text(at + 1, end);
    const char* const bad = find_bad_escape(text, backslash_, surrogates_ == LoneSurrogates::Allow);
    if (bad)
        return fail(bad[1] == 'u' ? "lone surrogate or bad \\u escape" : "invalid escape", bad);
    backslash_ = find_backslash(end, window_end_);
    return true;
}

void JsonCursor::finish() {
    if (!ok()) return;
    if (base_ != kNothing) fail("trailing characters", here());
}

void JsonCursor::shrink() {
    stop();
    if (index_->capacity > kKeep) *index_ = {};
}

}  // namespace capture::parse
