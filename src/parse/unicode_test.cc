#include "parse/unicode.h"

#include <gtest/gtest.h>

#include "base/arena.h"
#include "parse/json_text.h"

namespace capture::parse {
namespace {

TEST(Unicode, KnowsWhiteSpace) {
    std::string_view const yes =
        "\t\n\v\f\r "
        "\xc2\x85\xc2\xa0\xe1\x9a\x80\xe2\x80\x80\xe2\x80\x8a\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaf"
        "\xe2\x81\x9f\xe3\x80\x80";
    for (std::size_t at = 0; at < yes.size();)
        EXPECT_TRUE(is_white_space(next_code_point(yes, at))) << at;
    std::string_view const no =
        "\x08\x0e\x1f!a\x7f\xc2\x84\xe2\x80\x8b\xe2\x81\xa0\xef\xbb\xbf\xf0\x9f\x98\x80";
    for (std::size_t at = 0; at < no.size();)
        EXPECT_FALSE(is_white_space(next_code_point(no, at))) << at;
}

TEST(Unicode, TrimsBothEnds) {
    EXPECT_EQ(trim_white_space(" \xe3\x80\x80 a b\xc2\xa0\n"), "a b");
    EXPECT_EQ(trim_white_space("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
    EXPECT_EQ(trim_white_space(" \t\xe3\x80\x80"), "");
    EXPECT_EQ(trim_white_space(""), "");
}

TEST(Unicode, CountsCodePoints) {
    EXPECT_EQ(first_code_points("abc", 2), "ab");
    EXPECT_EQ(first_code_points("\xc3\xa9\xf0\x9f\x98\x80x", 2), "\xc3\xa9\xf0\x9f\x98\x80");
    EXPECT_EQ(first_code_points("\xc3\xa9\xf0\x9f\x98\x80x", 3), "\xc3\xa9\xf0\x9f\x98\x80x");
    EXPECT_EQ(first_code_points("", 3), "");
}

TEST(JsonTextParts, UnescapesEverything) {
    base::Arena arena;
    EXPECT_EQ(unescape(R"(\"\\\/\b\f\n\r\t)", arena), "\"\\/\b\f\n\r\t");
    EXPECT_EQ(unescape(R"(a\u0041\u00e9\u20ac\ud83d\ude00z)", arena),
              "aA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
    EXPECT_EQ(unescape("", arena), "");
    EXPECT_EQ(unescape("plain", arena), "plain");
}

TEST(JsonTextParts, QuotesWhatMustBeQuoted) {
    std::string out;
    append_json_string(std::string_view("a\"\\\b\f\n\r\t\x01\x1f\x7f\xc3\xa9/\0", 15), out);
    EXPECT_EQ(out, "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9/\\u0000\"");
}

}  // namespace
}  // namespace capture::parse
