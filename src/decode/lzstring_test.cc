#include "decode/lzstring.h"

#include <gtest/gtest.h>

#include <string>

#include "decode/test_support.h"
#include "decode/utf8.h"

namespace capture::decode {
namespace {

using testing::to_lz_string;

constexpr std::size_t kCap = std::size_t{1} << 20;

struct Outcome {
    CodecStatus status;
    std::string text;
};

Outcome run(std::string_view in, std::size_t cap = kCap, base::Budget* budget = nullptr) {
    std::vector<char> const exact(in.begin(), in.end());
    base::Buffer out(budget);
    CodecStatus const status = decode_lz_string({exact.data(), exact.size()}, cap, out);
    return {status, std::string(out.view())};
}

/// The obvious conversion; no unpaired surrogates.
std::string to_utf8(std::u16string_view units) {
    std::string text;
    for (std::size_t i = 0; i < units.size(); ++i) {
        std::uint32_t c = units[i];
        if (c >= 0xD800 && c < 0xDC00) c = 0x10000 + ((c - 0xD800) << 10) + (units[++i] - 0xDC00u);
        if (c < 0x80) {
            text += static_cast<char>(c);
        } else if (c < 0x800) {
            text += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
        } else if (c < 0x10000) {
            text += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
                     static_cast<char>(0x80 | (c & 63))};
        } else {
            text += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
                     static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
        }
    }
    return text;
}

TEST(LzString, ReadsWhatTheJavaScriptLibraryWrites) {
    EXPECT_EQ(run("Q===").text, "");
    EXPECT_EQ(run("Q===").status, CodecStatus::Ok);
    EXPECT_EQ(run("IZA=").text, "a");
    EXPECT_EQ(run("BYUwNmD2AEoTcpA=").text, "hello hello hello");
    EXPECT_EQ(run("IY1/kA==").text, "aaaaaaaaaaaaaaaaaaaa");
    EXPECT_EQ(run("N4IgLg9g1gpgdiAXCADgCwMYH0wwM5ggA0IMAbvIcgCQoCGA5uQJYwDuIAvkA===").text,
              R"({"token":"phc_test","event":"$pageview"})");
    EXPECT_EQ(run("JeGoJLwbgAe6lA==").text, "é€😀é€😀");
    EXPECT_EQ(run("AAf8//9A").text, std::string("\0\u00ff\uffff", 6));
}

TEST(LzString, AgreesWithTheSlowEncoder) {
    EXPECT_EQ(to_lz_string(u""), "Q===");
    EXPECT_EQ(to_lz_string(u"hello hello hello"), "BYUwNmD2AEoTcpA=");
    EXPECT_EQ(to_lz_string(u"é€😀é€😀"), "JeGoJLwbgAe6lA==");
}

TEST(LzString, GivesBackRandomTexts) {
    std::mt19937 random(11);
    // Small alphabets make long entries, large ones many new characters, pairs are cut by entries.
    const std::vector<std::u16string> alphabets{
        u"a", u"ab", u"{}\",:etaoin", u"a\u00e9", u"\u00e9\u20ac\ud7ff\ue000\uffff", u"ab\u20ac"};
    for (int round = 0; round < 400; ++round) {
        std::u16string const& letters =
            alphabets[static_cast<std::size_t>(round) % alphabets.size()];
        std::u16string text;
        for (std::size_t n = random() % 700; n > 0; --n) {
            if (round % 2 && random() % 3 == 0) {
                text += static_cast<char16_t>(0xD800 + random() % 2);
                text += static_cast<char16_t>(0xDC00 + random() % 2);
            } else {
                text += letters[random() % letters.size()];
            }
        }
        Outcome const outcome = run(to_lz_string(text));
        ASSERT_EQ(outcome.status, CodecStatus::Ok);
        ASSERT_EQ(outcome.text, to_utf8(text));
        ASSERT_TRUE(is_utf8(outcome.text));
    }
}

TEST(LzString, GivesBackALongText) {
    std::string const batch = testing::event_batch(20);
    EXPECT_EQ(run(to_lz_string(batch)).text, batch);
}

TEST(LzString, IgnoresWhatFollowsTheEndMarker) {
    EXPECT_EQ(run("IZA=\n").text, "a");
    EXPECT_EQ(run("IZA=IZA=****").text, "a");
}

TEST(LzString, TellsTruncatedFromCorrupt) {
    std::string const whole = to_lz_string(u"{\"event\":\"\u20ac\",\"event\":\"\u20ac\"}");
    std::size_t const used = whole.find_last_not_of('=');
    for (std::size_t size = 0; size < used; ++size) {
        EXPECT_EQ(run(whole.substr(0, size)).status, CodecStatus::Truncated) << size;
    }
    EXPECT_EQ(run("*").status, CodecStatus::Corrupt);
    EXPECT_EQ(run("wAAA").status, CodecStatus::Corrupt);  // the first code names an entry
    EXPECT_EQ(run("{\"a\":1}").status, CodecStatus::Corrupt);
    EXPECT_EQ(run("BYUw\nmD2AEoTcpA=").status, CodecStatus::Corrupt);
    EXPECT_EQ(run("IfA=").status, CodecStatus::Corrupt);  // a code beyond the dictionary
}

TEST(LzString, RefusesHalvesOfPairs) {
    for (std::u16string const& text :
         {std::u16string{0xD83D}, std::u16string{0xDE00}, std::u16string{0xDE00, 0xD83D},
          std::u16string{0xD83D, u'a'}, std::u16string{0xD83D, 0xD83D, 0xDE00},
          std::u16string{u'a', u'b', 0xD83D}, std::u16string{0xD83D, 0xD7FF, 0xDE00},
          std::u16string{0xD83D, 0xDE00, 0xDE00}}) {
        EXPECT_EQ(run(to_lz_string(text)).status, CodecStatus::BrokenText);
    }
    EXPECT_EQ(run(to_lz_string(std::u16string{0xD7FF, 0xD83D, 0xDE00, 0xE000})).text,
              "\uD7FF😀\uE000");
}

TEST(LzString, CountsTheCapInUnitsAndAgainInBytes) {
    EXPECT_EQ(run(to_lz_string(std::string(1000, 'a')), 1000).status, CodecStatus::Ok);
    EXPECT_EQ(run(to_lz_string(std::string(1001, 'a')), 1000).status, CodecStatus::OverLimit);

    EXPECT_EQ(run(to_lz_string(std::u16string(500, u'é')), 1000).status, CodecStatus::Ok);
    EXPECT_EQ(run(to_lz_string(std::u16string(501, u'é')), 1000).status,
              CodecStatus::OverLimitAsText);
    EXPECT_EQ(run(to_lz_string(std::u16string(999, u'é')), 1000).status,
              CodecStatus::OverLimitAsText);
    EXPECT_EQ(run(to_lz_string(u"é" + std::u16string(1000, u'a')), 1000).status,
              CodecStatus::OverLimit);
    EXPECT_EQ(run(to_lz_string(std::u16string(1000, u'\u20ac')), 1000).status,
              CodecStatus::OverLimitAsText);

    std::u16string pairs;
    for (int i = 0; i < 250; ++i)
        pairs += u"😀";  // 500 units, 1000 bytes, 1500 while halves stand apart
    EXPECT_EQ(run(to_lz_string(pairs), 1000).status, CodecStatus::Ok);
    EXPECT_EQ(run(to_lz_string(pairs), 999).status, CodecStatus::OverLimitAsText);
    EXPECT_EQ(run(to_lz_string(pairs), 499).status, CodecStatus::OverLimitAsText);
}

TEST(LzString, HoldsLittleMoreThanTheCapForABomb) {
    std::size_t const cap = 100'000;
    std::string const bomb = to_lz_string(std::string(200'000, 'a'));
    ASSERT_LT(bomb.size(), 2000u);
    base::Budget budget(2 * cap, 2 * cap);
    base::Buffer out(&budget);
    EXPECT_EQ(decode_lz_string(bomb, cap, out), CodecStatus::OverLimit);
    EXPECT_LE(out.capacity(), cap + cap / 2 + 100);
}

TEST(LzString, StopsWhenTheBudgetRefuses) {
    std::string const text = to_lz_string(testing::event_batch(10));
    for (std::size_t const limit : {0, 1000, 30'000, 45'000}) {
        base::Budget budget(limit, limit);
        EXPECT_EQ(run(text, kCap, &budget).status, CodecStatus::NoMemory) << limit;
        EXPECT_EQ(budget.used(), 0u);
    }
}

TEST(LzString, NeverReadsOutsideOnDamagedInput) {
    std::string const whole = to_lz_string(u"{\"e\":\"\u20ac😀\",\"e\":\"\u20ac😀\",\"eee\":1}");
    std::mt19937 random(2);
    std::string_view const alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int round = 0; round < 3000; ++round) {
        std::string damaged = whole;
        for (int n = 0; n < 3; ++n)
            damaged[random() % damaged.size()] = alphabet[random() % 64];
        Outcome const outcome = run(damaged, 5000);
        if (outcome.status == CodecStatus::Ok) {
            EXPECT_TRUE(is_utf8(outcome.text));
        }
    }
}

}  // namespace
}  // namespace capture::decode
