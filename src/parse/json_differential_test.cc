// The cursor against a slow reader written from the grammar of RFC 8259, over mutated texts that
// are valid UTF-8; and against simdjson, over long ones.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <array>
#include <random>
#include <string>

#include "base/buffer.h"
#include "parse/json.h"

namespace capture::parse {
namespace {

class Reference {
  public:
    static bool accepts(std::string_view text) {
        Reference reader(text);
        reader.blanks();
        if (!reader.value(0)) return false;
        reader.blanks();
        return reader.at_ == text.size();
    }

  private:
    explicit Reference(std::string_view text) : text_(text) {}

    bool eat(char c) {
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    bool eat(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) return false;
        at_ += word.size();
        return true;
    }
    void blanks() {
        while (eat(' ') || eat('\t') || eat('\n') || eat('\r')) {
        }
    }
    bool digit() {
        if (at_ == text_.size() || text_[at_] < '0' || text_[at_] > '9') return false;
        ++at_;
        return true;
    }
    bool digits() {
        if (!digit()) return false;
        while (digit()) {
        }
        return true;
    }
    bool number() {
        eat('-');
        if (!eat('0') && !digits()) return false;
        if (eat('.') && !digits()) return false;
        if (eat('e') || eat('E')) {
            if (!eat('+')) eat('-');
            if (!digits()) return false;
        }
        return true;
    }
    int hex4() {
        int value = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            if (at_ == text_.size()) return -1;
            auto const digit = std::string_view("0123456789abcdef")
                                   .find(static_cast<char>(std::tolower(text_[at_])));
            if (digit == std::string_view::npos) return -1;
            value = value * 16 + static_cast<int>(digit);
        }
        return value;
    }
    bool escape() {
        if (!eat('u')) {
            for (char const c : {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'}) {
                if (eat(c)) return true;
            }
            return false;
        }
        int const unit = hex4();
        if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff)) return false;
        if (unit < 0xd800 || unit > 0xdbff) return true;
        if (!eat("\\u")) return false;
        int const low = hex4();
        return low >= 0xdc00 && low <= 0xdfff;
    }
    bool string() {
        if (!eat('"')) return false;
        while (at_ < text_.size()) {
            if (eat('"')) return true;
            if (eat('\\')) {
                if (!escape()) return false;
            } else if (static_cast<unsigned char>(text_[at_]) < 0x20) {
                return false;
            } else {
                ++at_;
            }
        }
        return false;
    }
    bool object(int depth) {
        blanks();
        if (eat('}')) return true;
        do {
            blanks();
            if (!string()) return false;
            blanks();
            if (!eat(':')) return false;
            blanks();
            if (!value(depth)) return false;
            blanks();
        } while (eat(','));
        return eat('}');
    }
    bool array(int depth) {
        blanks();
        if (eat(']')) return true;
        do {
            blanks();
            if (!value(depth)) return false;
            blanks();
        } while (eat(','));
        return eat(']');
    }
    bool value(int depth) {
        if (eat("true") || eat("false") || eat("null")) return true;
        if (at_ < text_.size() && text_[at_] == '"') return string();
        if (eat('{')) return depth < JsonCursor::kMaxDepth && object(depth + 1);
        if (eat('[')) return depth < JsonCursor::kMaxDepth && array(depth + 1);
        return number();
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

class Differential : public ::testing::Test {
  protected:
    std::string make_value(int depth) {
        switch (pick(depth > 4 ? 6 : 8)) {
            case 0:
                return "true";
            case 1:
                return "null";
            case 2:
                return std::to_string(static_cast<int>(engine_() % 2001) - 1000);
            case 3:
                return "-0.5e" + std::to_string(pick(400));
            case 4:
                return "\"" + make_text() + "\"";
            case 5:
                return "\"\"";
            case 6: {
                std::string out = "{";
                for (unsigned i = pick(4); i > 0; --i) {
                    out += blank();
                    out += '"';
                    out += make_text();
                    out += "\":";
                    out += make_value(depth + 1);
                    if (i > 1) out += ',';
                }
                return out + "}";
            }
            default: {
                std::string out = "[";
                for (unsigned i = pick(4); i > 0; --i) {
                    out += make_value(depth + 1);
                    out += blank();
                    if (i > 1) out += ',';
                }
                return out + "]";
            }
        }
    }
    std::string mutate(std::string text) {
        static constexpr std::string_view kBytes =
            "{}[]:,\"\\ \n\t0129-+.eEutfna/\x01\x7f\xc3\xa9\xed\xf0\xff";
        for (unsigned n = pick(4); n > 0 && !text.empty(); --n) {
            std::size_t const at = engine_() % text.size();
            switch (pick(4)) {
                case 0:
                    text[at] = kBytes[engine_() % kBytes.size()];
                    break;
                case 1:
                    text.insert(at, 1, kBytes[engine_() % kBytes.size()]);
                    break;
                case 2:
                    text.erase(at, 1 + pick(3));
                    break;
                default:
                    text.insert(at, text.substr(engine_() % text.size(), pick(6)));
            }
        }
        return text;
    }

    /// One that may take windows: a long escaped string, deep nesting, or an ordinary one.
    std::string make_long_value() {
        std::size_t const size = engine_() % (pick(4) ? 300 : 12'000);
        switch (pick(6)) {
            case 0:
                return "\"" + std::string(size, 'x') + std::string(2 * pick(60), '\\') + "\"";
            case 1:
                return "\"" + std::string(2 * size, '\\') + "\\\"\"";
            case 2: {
                std::size_t const depth = pick(JsonCursor::kMaxDepth);
                std::string out;
                for (std::size_t i = 0; i < depth; ++i)
                    out += "{\"\\\\\":";
                return out + "0" + std::string(depth, '}');
            }
            default:
                return make_value(0);
        }
    }
    bool accepts(std::string_view text) {
        buffer_.clear();
        EXPECT_TRUE(buffer_.reserve(text.size() + 1) && buffer_.append(text));
        json_.open(buffer_.view());
        json_.skip();
        json_.finish();
        return json_.ok();
    }
    static bool is_utf8(std::string_view text) {
        return text.empty() || simdjson::validate_utf8(text.data(), text.size());
    }
    unsigned pick(unsigned count) { return static_cast<unsigned>(engine_() % count); }

    std::mt19937_64 engine_{20'261'124};
    base::Buffer buffer_;
    JsonCursor json_;

  private:
    std::string_view blank() {
        return std::array<std::string_view, 4>{"", " ", "\n", " \t"}[pick(4)];
    }
    std::string make_text() {
        static constexpr std::array<std::string_view, 10> kPieces{
            "a",    "$os",     "caf\xc3\xa9",    "\\n",  "\\\"",
            "\\\\", "\\u0041", "\\ud83d\\ude00", "{[:,", "\\ud800"};
        std::string out;
        for (unsigned i = pick(5); i > 0; --i)
            out += kPieces[pick(kPieces.size() - (pick(20) ? 1 : 0))];
        return out;
    }
};

TEST_F(Differential, AgreesWithTheGrammar) {
    int accepted = 0;
    int rounds = 0;
    while (rounds < 60'000) {
        std::string const text = mutate(make_value(0));
        if (!is_utf8(text)) continue;
        ++rounds;
        bool const expected = Reference::accepts(text);
        accepted += expected;
        ASSERT_EQ(accepts(text), expected) << text << "\n" << json_.error();
    }
    EXPECT_GT(accepted, rounds / 10);
    EXPECT_LT(accepted, rounds * 9 / 10);
}

TEST_F(Differential, AgreesWithTheGrammarAroundTheBordersOfBlocks) {
    for (std::size_t size = 0; size <= 200; ++size) {
        for (int round = 0; round < 60; ++round) {
            std::string text = "[" + make_value(3);
            while (text.size() < size)
                text += "," + std::string(pick(8), ' ') + make_value(3);
            text = mutate(text.substr(0, size) + (pick(2) ? "]" : "\"]"));
            if (!is_utf8(text)) continue;
            ASSERT_EQ(accepts(text), Reference::accepts(text)) << text << "\n" << json_.error();
        }
    }
}

/// Texts of several windows, with escapes and nesting that reach over their ends.
TEST_F(Differential, AgreesWithTheGrammarAndWithAnotherParserInLongTexts) {
    simdjson::dom::parser parser;
    int accepted = 0;
    constexpr int kRounds = 300;
    for (int round = 0; round < kRounds; ++round) {
        std::string text = "[";
        while (text.size() < 4 * JsonWindow::kBytes)
            text += make_long_value() + "," + std::string(pick(8) ? 0 : pick(200), ' ');
        text += "1]";
        if (pick(2)) text = mutate(text);
        if (!is_utf8(text)) continue;
        bool const expected = Reference::accepts(text);
        accepted += expected;
        ASSERT_EQ(accepts(text), expected) << json_.error();
        // It refuses numbers out of a double's range, and takes some surrogates.
        auto const error = parser.parse(text).error();
        if (error == simdjson::SUCCESS)
            EXPECT_TRUE(expected || json_.error().contains("surrogate")) << json_.error();
        else
            EXPECT_TRUE(!expected || error == simdjson::NUMBER_ERROR);
    }
    EXPECT_GT(accepted, kRounds / 4);
    EXPECT_LT(accepted, kRounds * 3 / 4);
}

}  // namespace
}  // namespace capture::parse
