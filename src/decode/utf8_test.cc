#include "decode/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace capture::decode {
namespace {

std::string repaired(std::string_view bytes) {
    base::Buffer out;
    EXPECT_TRUE(append_repaired_utf8(bytes, out));
    EXPECT_TRUE(is_utf8(out.view()));
    return std::string(out.view());
}

TEST(Utf8, TellsTextFromOtherBytes) {
    for (const char* good : {"", "plain", "é", "\u20ac", "\U0001F600", "\xF4\x8F\xBF\xBF"}) {
        EXPECT_TRUE(is_utf8(good)) << good;
    }
    for (const char* bad : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80",
                            "\xF4\x90\x80\x80", "\xFF", "a\xE2\x82"}) {
        EXPECT_FALSE(is_utf8(bad)) << bad;
    }
    EXPECT_TRUE(is_utf8(std::string_view("\0", 1)));
}

TEST(Utf8, ReplacesEachIllFormedPartByOneReplacementCharacter) {
    EXPECT_EQ(repaired("plain é"), "plain é");
    EXPECT_EQ(repaired("a\xFF"
                       "b"),
              "a\uFFFDb");
    EXPECT_EQ(repaired("\xE2\x82"), "\uFFFD");  // cut short: one part
    EXPECT_EQ(repaired("\xE2\x82x"), "\uFFFDx");
    EXPECT_EQ(repaired("\xF0\x9F\x98"), "\uFFFD");
    EXPECT_EQ(repaired("\xED\xA0\x80"),
              "\uFFFD\uFFFD\uFFFD");  // surrogate: no byte can start a character
    EXPECT_EQ(repaired("\xC0\xAF"), "\uFFFD\uFFFD");
    EXPECT_EQ(repaired("\xF0\x80\x80"), "\uFFFD\uFFFD\uFFFD");
    EXPECT_EQ(repaired("\x80\x80"), "\uFFFD\uFFFD");
}

TEST(Utf8, RepairStopsAtTheBudget) {
    base::Budget budget(100, 100);
    base::Buffer out(&budget);
    EXPECT_FALSE(append_repaired_utf8(std::string(50, '\xFF'), out));
}

}  // namespace
}  // namespace capture::decode
