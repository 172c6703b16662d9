#include "decode/gzip.h"

#include <gtest/gtest.h>

#include <string>

#include "decode/test_support.h"

namespace capture::decode {
namespace {

using testing::to_gzip;

constexpr std::size_t kCap = std::size_t{1} << 20;

struct Outcome {
    CodecStatus status;
    std::string text;
};

Outcome run(std::string_view in, std::size_t cap = kCap, base::Budget* budget = nullptr) {
    // A copy of the exact size, so that AddressSanitizer sees a read past its end.
    std::vector<char> const exact(in.begin(), in.end());
    base::Buffer out(budget);
    CodecStatus const status = gunzip({exact.data(), exact.size()}, cap, out);
    return {status, std::string(out.view())};
}

std::string incompressible(std::size_t size) {
    std::mt19937 random(5);
    return testing::random_bytes(random, size);
}

TEST(Gunzip, GivesBackTextsOfEverySize) {
    for (std::size_t const size : {0, 1, 100, 8191, 8192, 65535, 65536, 65537, 200'000}) {
        for (std::string const& text : {std::string(size, 'x'), incompressible(size)}) {
            Outcome const outcome = run(to_gzip(text));
            EXPECT_EQ(outcome.status, CodecStatus::Ok) << size;
            EXPECT_EQ(outcome.text, text) << size;
        }
    }
    std::string const batch = testing::event_batch(200);
    EXPECT_EQ(run(to_gzip(batch)).text, batch);
}

TEST(Gunzip, ReadsOnlyTheFirstMember) {
    std::string const two = to_gzip("first") + to_gzip("second");
    EXPECT_EQ(run(two).text, "first");
    EXPECT_EQ(run(to_gzip("first") + "rubbish").text, "first");
}

TEST(Gunzip, ReadsHeadersWithEveryOptionalField) {
    std::string const plain = to_gzip("text");
    std::string header = plain.substr(0, 10);
    header[3] = 0x04 | 0x08 | 0x10;
    std::string const outcome =
        run(header + std::string("\x03\0abc", 5) + std::string("name\0", 5) +
            std::string("comment\0", 8) + plain.substr(10))
            .text;
    EXPECT_EQ(outcome, "text");
}

TEST(Gunzip, TellsTruncatedFromCorrupt) {
    std::string const whole = to_gzip(testing::event_batch(3));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CodecStatus const status = run(whole.substr(0, size)).status;
        EXPECT_EQ(status, CodecStatus::Truncated) << size;
    }
    EXPECT_EQ(run("not gzip at all").status, CodecStatus::Corrupt);
    EXPECT_EQ(run(std::string("\x1f\x8b\x07\0\0\0\0\0\0\0\3\0", 12)).status, CodecStatus::Corrupt);
}

TEST(Gunzip, NeverTakesADamagedMemberForAWholeOne) {
    std::string const text = testing::event_batch(2);
    std::string const whole = to_gzip(text);
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (int const flip : {0x01, 0x80}) {
            std::string damaged = whole;
            damaged[at] = static_cast<char>(damaged[at] ^ flip);
            Outcome const outcome = run(damaged);
            // The header's time and system and the bits behind the last block say nothing about the
            // text.
            if (outcome.status == CodecStatus::Ok) {
                EXPECT_EQ(outcome.text, text) << at;
            }
        }
    }
}

TEST(Gunzip, TakesOutputOfExactlyTheCapAndNotOneByteMore) {
    for (std::size_t const cap : {0, 1, 5000, 8191, 8192, 8193, 70'000, 262'144}) {
        EXPECT_EQ(run(to_gzip(std::string(cap, 'x')), cap).status, CodecStatus::Ok) << cap;
        EXPECT_EQ(run(to_gzip(incompressible(cap)), cap).status, CodecStatus::Ok) << cap;
        Outcome const over = run(to_gzip(std::string(cap + 1, 'x')), cap);
        EXPECT_EQ(over.status, CodecStatus::OverLimit) << cap;
        EXPECT_EQ(over.text.size(), cap + 1) << cap;
    }
}

TEST(Gunzip, CountsABombInReadsOf8KiB) {
    Outcome const bomb = run(to_gzip(std::string(std::size_t{10} << 20, ' ')), 1'000'000);
    EXPECT_EQ(bomb.status, CodecStatus::OverLimit);
    EXPECT_EQ(bomb.text.size(), 1'007'616u);  // 123 × 8192
}

TEST(Gunzip, HoldsLittleMoreThanTheCapForABomb) {
    std::size_t const cap = 1'000'000;
    base::Budget budget(cap + 20'000, cap + 20'000);
    base::Buffer out(&budget);
    EXPECT_EQ(gunzip(to_gzip(std::string(std::size_t{10} << 20, ' ')), cap, out),
              CodecStatus::OverLimit);
    EXPECT_LE(out.capacity(), cap + 20'000);
}

TEST(Gunzip, StopsWhenTheBudgetRefuses) {
    base::Budget budget(100'000, 100'000);
    EXPECT_EQ(run(to_gzip(std::string(500'000, ' ')), kCap, &budget).status, CodecStatus::NoMemory);
    EXPECT_EQ(budget.used(), 0u);
    base::Budget none(0, 0);
    EXPECT_EQ(run(to_gzip("x"), kCap, &none).status, CodecStatus::NoMemory);
}

TEST(StartsLikeGzip, NeedsAllThreeBytes) {
    EXPECT_TRUE(starts_like_gzip(to_gzip("")));
    EXPECT_FALSE(starts_like_gzip("\x1f\x8b"));
    EXPECT_FALSE(starts_like_gzip("\x1f\x8b\x09"));
    EXPECT_FALSE(starts_like_gzip(""));
}

}  // namespace
}  // namespace capture::decode
