#include "pipeline/warning_throttle.h"

#include <gtest/gtest.h>

namespace capture::pipeline {
namespace {

using Verdict = WarningThrottle::Verdict;

TEST(WarningThrottle, LetsOneThroughPerTokenTypeAndHour) {
    base::ManualClock clock({1'700'000'000, 0});
    WarningThrottle throttle(clock, 10);
    EXPECT_EQ(throttle.check("t", "a"), Verdict::Emit);
    EXPECT_EQ(throttle.check("t", "a"), Verdict::Throttled);
    EXPECT_EQ(throttle.check("t", "b"), Verdict::Emit);
    EXPECT_EQ(throttle.check("u", "a"), Verdict::Emit);
    clock.advance(std::chrono::seconds(3599));
    EXPECT_EQ(throttle.check("t", "a"), Verdict::Throttled);
    clock.advance(std::chrono::seconds(1));
    EXPECT_EQ(throttle.check("t", "a"), Verdict::Emit);
    EXPECT_EQ(throttle.check("t", "a"), Verdict::Throttled);
}

TEST(WarningThrottle, CapsTheKeysAndForgetsOldOnes) {
    base::ManualClock clock({1'700'000'000, 0});
    WarningThrottle throttle(clock, 2);
    throttle.check("t", "a");
    throttle.check("t", "b");
    EXPECT_EQ(throttle.check("t", "c"), Verdict::CardinalityCapped);
    EXPECT_EQ(throttle.check("t", "a"), Verdict::Throttled);
    clock.advance(std::chrono::hours(1));
    throttle.sweep();
    EXPECT_EQ(throttle.size(), 0u);
    EXPECT_EQ(throttle.check("t", "c"), Verdict::Emit);
}

}  // namespace
}  // namespace capture::pipeline
