#include "decode/base64.h"

#include <gtest/gtest.h>

#include <string>

#include "decode/test_support.h"

namespace capture::decode {
namespace {

std::optional<std::string> decode(std::string_view text) {
    std::string out(base64_room(text.size()), '\0');
    auto const size = decode_base64(text, out.data());
    if (!size) return std::nullopt;
    out.resize(*size);
    return out;
}

TEST(Base64, DecodesWhatAPlainEncoderWrites) {
    std::mt19937 random(1);
    for (std::size_t size = 0; size < 300; ++size) {
        std::string const bytes = testing::random_bytes(random, size);
        EXPECT_EQ(decode(testing::to_base64(bytes)), bytes) << size;
    }
}

TEST(Base64, KnowsTheWholeAlphabetAtEveryPlace) {
    std::string_view const alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t at = 0; at < 64; ++at) {
        for (int c = 0; c < 256; ++c) {
            std::string text(68, 'A');
            text[at] = static_cast<char>(c);
            auto const value = alphabet.find(static_cast<char>(c));
            auto const decoded = decode(text);
            ASSERT_EQ(decoded.has_value(), value != std::string_view::npos) << at << ' ' << c;
            if (decoded) {
                EXPECT_EQ(testing::to_base64(*decoded), text);
            }
        }
    }
}

TEST(Base64, RefusesPaddingThatIsNotCanonical) {
    for (const char* text :
         {"A", "AA", "AAA", "AAAAA", "A===", "====", "AA=A", "=AAA", "AA==AAAA", "AAA=AAAA",
          "AB==", "AAB=", "AAA\n", "AAA-", "AA_A", "AA A", "AAAA\n"}) {
        EXPECT_FALSE(decode(text)) << text;
    }
    EXPECT_EQ(decode("AA=="), std::string(1, '\0'));
    EXPECT_EQ(decode("AAA="), std::string(2, '\0'));
    EXPECT_EQ(decode("//8="), "\xff\xff");
}

TEST(Base64, RefusesAForeignCharacterInAnyPlaceOfALongText) {
    std::string const good = testing::to_base64(std::string(150, 'x'));
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = '*';
        EXPECT_FALSE(decode(bad)) << at;
    }
}

TEST(LooksLikeBase64, LooksAtTheLengthAndTheFirst128Bytes) {
    EXPECT_FALSE(looks_like_strict_base64(""));
    EXPECT_TRUE(looks_like_strict_base64("ab+/"));
    EXPECT_TRUE(looks_like_strict_base64("=a=="));
    EXPECT_FALSE(looks_like_strict_base64("abc"));
    EXPECT_FALSE(looks_like_strict_base64("ab\nc"));
    EXPECT_FALSE(looks_like_strict_base64("ab-_"));
    EXPECT_FALSE(looks_like_strict_base64("{\"a\":1}="));
    EXPECT_TRUE(looks_like_strict_base64(std::string(128, 'a') + "\n\n\n\n"));
    EXPECT_FALSE(looks_like_strict_base64(std::string(127, 'a') + "\n"));
}

TEST(LooksLikeBase64, LetsBlanksPassOnlyWhenLoose) {
    EXPECT_FALSE(looks_like_strict_base64("ab c"));
    EXPECT_TRUE(looks_like_loose_base64("ab c"));
    EXPECT_FALSE(looks_like_loose_base64("ab\tc"));
    EXPECT_FALSE(looks_like_loose_base64(""));
}

}  // namespace
}  // namespace capture::decode
