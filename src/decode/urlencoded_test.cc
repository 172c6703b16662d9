#include "decode/urlencoded.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "decode/test_support.h"

namespace capture::decode {
namespace {

std::string decoded(std::string_view raw) {
    std::string out(raw.size(), '?');
    out.resize(decode_component(raw, out.data()));
    return out;
}

std::vector<std::string> pairs(std::string_view text) {
    std::vector<std::string> found;
    PairReader reader(text);
    while (auto const pair = reader.next()) {
        found.push_back(std::string(pair->key) + "|" + std::string(pair->value));
    }
    return found;
}

TEST(PairReader, SplitsAtAmpersandsAndTheFirstEqualsSign) {
    using V = std::vector<std::string>;
    EXPECT_EQ(pairs(""), V{});
    EXPECT_EQ(pairs("&&"), V{});
    EXPECT_EQ(pairs("a=1&b=2"), (V{"a|1", "b|2"}));
    EXPECT_EQ(pairs("a==1&&b&=c&"), (V{"a|=1", "b|", "|c"}));
    EXPECT_EQ(pairs("a=1;b=2"), V{"a|1;b=2"});
}

TEST(DecodeComponent, UndoesPlusAndPercent) {
    EXPECT_EQ(decoded(""), "");
    EXPECT_EQ(decoded("a+b%20c%2Bd%2b"), "a b c+d+");
    EXPECT_EQ(decoded("%00%fF"), std::string("\0\xff", 2));
    EXPECT_EQ(decoded("%7B%22a%22%3A1%7D"), "{\"a\":1}");
}

TEST(DecodeComponent, KeepsAPercentThatNoTwoHexDigitsFollow) {
    for (const char* text : {"%", "%2", "%zz", "100%", "%%", "%2x%", "%x2", "a%"})
        EXPECT_EQ(decoded(text), text);
    EXPECT_EQ(decoded("%%41"), "%A");
    EXPECT_EQ(decoded("%4%41"), "%4A");
}

TEST(DecodeComponent, DecodesInPlaceWhateverTheDistance) {
    std::mt19937 random(3);
    for (int round = 0; round < 500; ++round) {
        std::string plain = testing::random_bytes(random, random() % 60);
        for (char& c : plain) {
            if (random() % 4) c = static_cast<char>('a' + static_cast<unsigned char>(c) % 26);
        }
        std::size_t const gap = random() % 12;
        std::string text = std::string(gap, '#') + testing::to_percent(plain);
        std::size_t const size = decode_component(std::string_view(text).substr(gap), text.data());
        EXPECT_EQ(text.substr(0, size), plain);
    }
}

TEST(Spells, SeesThroughEscapes) {
    EXPECT_TRUE(spells("data", "data"));
    EXPECT_TRUE(spells("d%61ta", "data"));
    EXPECT_TRUE(spells("%64%61%74%61", "data"));
    EXPECT_FALSE(spells("Data", "data"));
    EXPECT_FALSE(spells("dat", "data"));
    EXPECT_FALSE(spells("data+", "data"));
    EXPECT_FALSE(spells("", "data"));
    EXPECT_FALSE(spells(std::string(500, 'd'), "data"));
}

TEST(DecodeText, ReplacesWhatIsNoUtf8) {
    EXPECT_EQ(decode_text("caf%C3%A9"), "café");
    EXPECT_EQ(decode_text("a%FFb"), "a\uFFFDb");
}

}  // namespace
}  // namespace capture::decode
