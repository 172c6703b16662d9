#include "base/time.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace capture::base {
namespace {

std::string text(Instant at, Fraction fraction, int offset = 0) {
    char out[kMaxInstantText];
    return std::string(format_rfc3339(at, fraction, out, offset));
}

TEST(Time, WritesTheShortestExactGroupOfFractionDigits) {
    EXPECT_EQ(text({1788264000, 0}, Fraction::Groups), "2026-09-01T12:00:00Z");
    EXPECT_EQ(text({1788264000, 123'000'000}, Fraction::Groups), "2026-09-01T12:00:00.123Z");
    EXPECT_EQ(text({1788264000, 123'456'000}, Fraction::Groups), "2026-09-01T12:00:00.123456Z");
    EXPECT_EQ(text({1788264000, 123'456'789}, Fraction::Groups), "2026-09-01T12:00:00.123456789Z");
    EXPECT_EQ(text({1788264000, 500'000'000}, Fraction::Groups), "2026-09-01T12:00:00.500Z");
}

TEST(Time, TrimsTrailingZerosAndKeepsTheOffset) {
    EXPECT_EQ(text({1672574405, 120'000'000}, Fraction::Trimmed), "2023-01-01T12:00:05.12Z");
    EXPECT_EQ(text({1672574405, 0}, Fraction::Trimmed, 120), "2023-01-01T14:00:05+02:00");
    EXPECT_EQ(text({1672574405, 1}, Fraction::Trimmed, -330),
              "2023-01-01T06:30:05.000000001-05:30");
}

TEST(Time, WritesDatesInAnyOrder) {
    for (std::int64_t const day : {0, 4, 0, -4, -1, 3, 20'697, 20'698, 20'697, 0, -719'528}) {
        CivilTime const civil = to_civil(day * 86'400);
        char expected[32];
        std::snprintf(expected, sizeof(expected), "%04d-%02d-%02dT23:59:58Z",
                      static_cast<int>(civil.year), civil.month, civil.day);
        EXPECT_EQ(text({day * 86'400 + 86'398, 0}, Fraction::Groups), expected);
    }
}

TEST(Time, CivilAndUnixTimeAgreeOverAllYears) {
    for (std::int64_t day = -719'528; day < 2'932'897; day += 37) {
        CivilTime const civil = to_civil(day * 86'400 + 3'661);
        EXPECT_TRUE(valid_date(civil.year, civil.month, civil.day));
        EXPECT_EQ(from_civil(civil), day * 86'400 + 3'661);
    }
    EXPECT_EQ(from_civil({2000, 2, 29, 0, 0, 0}), 951'782'400);
    EXPECT_FALSE(valid_date(1900, 2, 29));
}

TEST(Time, MillisecondsRoundDownAndSaturate) {
    EXPECT_EQ(Instant::from_millis(-1), (Instant{-1, 999'000'000}));
    EXPECT_EQ(Instant::from_millis(-1).millis(), -1);
    EXPECT_EQ(Instant::from_millis(INT64_MIN).nanos, 192'000'000u);
    EXPECT_EQ((Instant{10, 0}.plus_millis(-10'001)), (Instant{-1, 999'000'000}));
    EXPECT_EQ((Instant{5, 0}.millis_since({3, 500'000'000})), 1500);
    EXPECT_GT((Instant{INT64_MAX, 0}.millis_since({INT64_MIN, 0})), 0);
}

}  // namespace
}  // namespace capture::base
