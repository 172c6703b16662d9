#include "parse/json_index.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/buffer.h"

namespace capture::parse {
namespace {

using Places = std::vector<std::size_t>;

/// Byte by byte. Nothing for a text with a control character in a string or an open one.
std::optional<Places> tokens_of(std::string_view text) {
    Places tokens;
    bool inside = false, plain = false, escaped = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char const c = text[i];
        bool const quote = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        if (inside) {
            if (static_cast<unsigned char>(c) < 0x20) return std::nullopt;
            inside = !quote;
            plain = false;
            continue;
        }
        bool const bracket = c == '{' || c == '}' || c == '[' || c == ']';
        bool const separator = is_json_separator(c);
        if (bracket || (!separator && !plain)) tokens.push_back(i);
        plain = !bracket && !separator && !quote;
        inside = quote;
    }
    if (inside) return std::nullopt;
    return tokens;
}

/// The same by windows, whose promises are checked on the way.
std::optional<Places> index(JsonIndexer indexer, std::string_view text) {
    auto const window = std::make_unique<JsonWindow>();
    Places tokens;
    const char* begin = text.data();
    const char* const end = begin + text.size();
    while (begin < end) {
        if (!indexer(begin, end, *window)) return std::nullopt;
        for (std::size_t i = 0; i < window->count; ++i) {
            EXPECT_LT(window->tokens[i], window->tokens[i + 1]);
            tokens.push_back(static_cast<std::size_t>(begin - text.data()) + window->tokens[i]);
        }
        EXPECT_EQ(begin + window->tokens[window->count], window->end);
        EXPECT_TRUE(window->count > 0 || window->end == end);
        std::string_view const seen(begin, window->end);
        std::size_t const backslash = seen.find('\\');
        if (backslash == seen.npos)
            EXPECT_GE(window->backslash, window->end);
        else
            EXPECT_EQ(window->backslash, begin + backslash);
        begin = window->end;
    }
    return tokens;
}

class JsonIndex : public ::testing::TestWithParam<JsonIndexer> {
  protected:
    /// With bytes behind the text that would mislead who reads too far.
    std::optional<Places> found_in(std::string_view text) {
        static constexpr std::string_view kBehind = "\"\\1[,\x01 ]";
        base::Buffer buffer;
        std::string all(text);
        while (all.size() < text.size() + base::Buffer::kSlack)
            all += kBehind[engine_() % kBehind.size()];
        EXPECT_TRUE(buffer.append(all));
        return index(GetParam(), buffer.view().substr(0, text.size()));
    }
    void expect_right(const std::string& text) {
        ASSERT_EQ(found_in(text), tokens_of(text))
            << text.size() << " bytes: " << text.substr(0, 500);
    }
    unsigned pick(unsigned count) { return static_cast<unsigned>(engine_() % count); }
    /// Of bytes that matter, and runs of one of them.
    std::string make_text(std::size_t size, std::string_view bytes) {
        std::string text;
        while (text.size() < size)
            text.append(pick(8) ? 1 : pick(90), bytes[pick(static_cast<unsigned>(bytes.size()))]);
        text.resize(size);
        return text;
    }

    std::mt19937_64 engine_{20'261'126};
};

INSTANTIATE_TEST_SUITE_P(Both, JsonIndex,
                         ::testing::Values(index_json_portably, fastest_json_indexer()));

TEST_P(JsonIndex, FindsBracketsStringsAndScalars) {
    EXPECT_EQ(found_in(R"({"a": [1,true ],"b":"{,\"}"} )"),
              (Places{0, 1, 6, 7, 9, 14, 16, 20, 27}));
    EXPECT_EQ(found_in(""), Places());
    EXPECT_EQ(found_in(" ,:\t\r\n"), Places());
    EXPECT_EQ(found_in("1\"a\" \"b\"2"), (Places{0, 5, 8}));
}

TEST_P(JsonIndex, FindsWhatASlowReaderFinds) {
    constexpr std::string_view kLexical = "\"\\ a";
    constexpr std::string_view kAll(" \t\n\r,:{}[]\"\"\"\\\\a1-\x7f\xc3\xff\f\x1a\x01\x1f\0", 27);
    for (std::size_t size = 1; size <= 330; ++size) {
        for (int round = 0; round < 30; ++round) {
            expect_right(make_text(size, kLexical));
            expect_right(make_text(size, kAll));
            expect_right(make_text(size, kAll.substr(0, 20)));
        }
    }
}

TEST_P(JsonIndex, FindsTheSameInManyWindows) {
    for (int round = 0; round < 40; ++round) {
        std::string text;
        while (text.size() < 5 * JsonWindow::kBytes) {
            text += pick(3) ? make_text(1 + pick(9), "{}[],: a1") : "\"";
            if (text.back() != '"') continue;
            text += make_text(pick(40) ? pick(60) : pick(12'000), "a{,: ");
            text.append(2 * pick(30), '\\');
            text += pick(2) ? "\\\"\"," : "\",";
        }
        expect_right(text);
    }
}

TEST_P(JsonIndex, FollowsBackslashesOverTheEndOfABlockAndOfAWindow) {
    for (std::size_t const border : {std::size_t{64}, std::size_t{128}, JsonWindow::kBytes}) {
        for (std::size_t before = 1; before < 62; ++before) {
            for (std::size_t run = 1; run < 140; run += 1 + pick(3)) {
                std::string text(border - before, 'a');
                text[0] = '[';
                text[1] = '"';
                text.append(run, '\\');
                text += "\" , \"b\\\\\" ,1]\"\"";
                expect_right(text);
            }
        }
    }
}

TEST_P(JsonIndex, HoldsAWindowFullOfBrackets) {
    expect_right(std::string(3 * JsonWindow::kBytes, '['));
    expect_right("12" + std::string(3 * JsonWindow::kBytes, ']') + "1");
}

TEST_P(JsonIndex, TakesTokensAndGapsOfAnyLength) {
    for (std::size_t const size : {JsonWindow::kBytes - 70, JsonWindow::kBytes + 1,
                                   4 * JsonWindow::kBytes, 4 * JsonWindow::kBytes + 63}) {
        expect_right(std::string(size, ' ') + "1");
        expect_right(std::string(size, '1'));
        expect_right("\"" + std::string(size, '[') + "\"");
        expect_right("{\"" + std::string(size, 'a') + "\\n\":" + std::string(size, '\n') + "1}");
        expect_right("\"" + std::string(size, 'a'));
    }
}

TEST_P(JsonIndex, RefusesControlsInStringsWhereverTheyAre) {
    for (std::size_t at = 1; at < 200; ++at) {
        std::string text = "\"" + std::string(200, 'a') + "\",\n1";
        EXPECT_TRUE(found_in(text));
        text[at] = static_cast<char>(at % 0x20);
        EXPECT_FALSE(found_in(text)) << at;
    }
}

}  // namespace
}  // namespace capture::parse
