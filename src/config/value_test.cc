#include "config/value.h"

#include <gtest/gtest.h>

namespace capture::config {
namespace {

bool accepts(Kind kind, std::string_view text, Limits limits = {}) {
    return parse_value(kind, limits, text).has_value();
}

TEST(Value, BoolsAreExactlyTrueOrFalse) {
    EXPECT_TRUE(parse_value(Kind::Bool, {}, "true")->flag);
    EXPECT_FALSE(parse_value(Kind::Bool, {}, "false")->flag);
    for (auto text : {"1", "0", "yes", "TRUE", "", " true"})
        EXPECT_FALSE(accepts(Kind::Bool, text)) << text;
}

TEST(Value, NumbersAreDigitsOnlyAndInRange) {
    EXPECT_EQ(parse_value(Kind::Unsigned, {}, "18446744073709551615")->number, UINT64_MAX);
    for (auto text : {"", "-1", "+1", " 1", "1 ", "50%", "1.0", "0x1", "18446744073709551616"}) {
        EXPECT_FALSE(accepts(Kind::Unsigned, text)) << text;
    }
    EXPECT_TRUE(accepts(Kind::Unsigned, "4294967295", {.min = 1, .max = UINT32_MAX}));
    EXPECT_FALSE(accepts(Kind::Unsigned, "4294967296", {.min = 1, .max = UINT32_MAX}));
    EXPECT_FALSE(accepts(Kind::Unsigned, "0", {.min = 1}));
}

TEST(Value, SignedAndDecimalNumbers) {
    EXPECT_EQ(parse_value(Kind::Signed, {}, "-3")->integer, -3);
    EXPECT_FALSE(accepts(Kind::Signed, "1.5"));
    EXPECT_DOUBLE_EQ(parse_value(Kind::Float, {.max = 100}, "0.5")->real, 0.5);
    EXPECT_TRUE(accepts(Kind::Float, "100", {.max = 100}));
    for (auto text : {"", "100.1", "-1", "nan", "x", "1 "})
        EXPECT_FALSE(accepts(Kind::Float, text, {.max = 100})) << text;
}

TEST(Value, AddressesAreNumeric) {
    for (auto text : {"127.0.0.1:3000", "0.0.0.0:0", "[::1]:65535", "[::]:3000"})
        EXPECT_TRUE(accepts(Kind::Address, text)) << text;
    for (auto text : {"localhost:3000", "127.0.0.1", ":3000", "::1:3000", "127.0.0.1:65536",
                      "127.0.0.1:", "[::1]", "127.1:80", "[127.0.0.1]:80", "1.2.3.4:000080"}) {
        EXPECT_FALSE(accepts(Kind::Address, text)) << text;
    }
}

TEST(Value, LevelsComeAsWordsOrNumbers) {
    EXPECT_EQ(parse_value(Kind::Level, {}, "DeBuG")->text, "debug");
    EXPECT_EQ(parse_value(Kind::Level, {}, "1")->text, "error");
    EXPECT_EQ(parse_value(Kind::Level, {}, "5")->text, "trace");
    for (auto text : {"", "6", "0", "verbose"})
        EXPECT_FALSE(accepts(Kind::Level, text)) << text;
}

TEST(Value, WordsAreForgivingExactWordsAreNot) {
    Limits const limits{.words = "none|lz4"};
    EXPECT_EQ(parse_value(Kind::Word, limits, " LZ4\n")->text, "lz4");
    EXPECT_FALSE(accepts(Kind::Word, "", limits));
    EXPECT_FALSE(accepts(Kind::Word, "none|lz4", limits));
    EXPECT_FALSE(accepts(Kind::ExactWord, "LZ4", limits));
    EXPECT_TRUE(accepts(Kind::ExactWord, "", {.words = "|true|false"}));
}

TEST(Value, LongTimesCountAsTenYears) {
    EXPECT_EQ(parse_value(Kind::Duration, {}, "18446744073709551615")->number,
              kTenYearsSeconds * 1000);
    EXPECT_EQ(parse_value(Kind::Duration, {}, "250")->number, 250u);
}

}  // namespace
}  // namespace capture::config
