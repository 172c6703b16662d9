#include "base/timer_wheel.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

namespace capture::base {
namespace {

using std::chrono::milliseconds;

struct Fixture : testing::Test {
    IoContext io{1};
    ManualClock clock{Instant{}};
    TimerWheel wheel{io, clock, milliseconds(100)};

    void pass(int ms) {
        clock.advance(milliseconds(ms));
        wheel.advance();
    }
};

struct Action {
    std::function<void()> run;
    TimerWheel::Timer timer{[](void* self) { static_cast<Action*>(self)->run(); }, this};
};

using TimerWheelTest = Fixture;

TEST_F(TimerWheelTest, NeverFiresEarlyAndAtMostOneTickLate) {
    int fired = 0;
    Action action{.run = [&] { ++fired; }};
    pass(30);
    wheel.arm(action.timer, milliseconds(250));  // due at 280
    pass(249);
    EXPECT_EQ(fired, 0);
    pass(101);
    EXPECT_EQ(fired, 1);
    EXPECT_FALSE(action.timer.armed());
    pass(1000);
    EXPECT_EQ(fired, 1);
}

TEST_F(TimerWheelTest, ACancelledTimerStaysSilent) {
    Action action{.run = [] { FAIL(); }};
    wheel.arm(action.timer, milliseconds(100));
    EXPECT_EQ(wheel.armed(), 1u);
    action.timer.cancel();
    EXPECT_EQ(wheel.armed(), 0u);
    pass(1000);
}

TEST_F(TimerWheelTest, ArmingAgainMovesTheTimer) {
    int fired = 0;
    Action action{.run = [&] { ++fired; }};
    wheel.arm(action.timer, milliseconds(100));
    wheel.arm(action.timer, milliseconds(1000));
    EXPECT_EQ(wheel.armed(), 1u);
    pass(900);
    EXPECT_EQ(fired, 0);
    pass(300);
    EXPECT_EQ(fired, 1);
}

TEST_F(TimerWheelTest, KeepsTimersThatAreRoundsAway) {
    int fired = 0;
    Action action{.run = [&] { ++fired; }};
    wheel.arm(action.timer, milliseconds(100 * 700));
    for (int i = 0; i < 699; ++i)
        pass(100);
    EXPECT_EQ(fired, 0);
    for (int i = 0; i < 3; ++i)
        pass(100);
    EXPECT_EQ(fired, 1);
}

TEST_F(TimerWheelTest, CatchesUpAfterALongStandstill) {
    int fired = 0;
    Action near{.run = [&] { ++fired; }};
    Action far{.run = [&] { ++fired; }};
    wheel.arm(near.timer, milliseconds(150));
    wheel.arm(far.timer, milliseconds(100'000));
    pass(1'000'000);
    EXPECT_EQ(fired, 2);
}

TEST_F(TimerWheelTest, ACallbackMayCancelAndDestroyOthersAndArmItself) {
    int fired = 0;
    auto victim = std::make_unique<Action>();
    victim->run = [] { FAIL(); };
    Action first;
    first.run = [&] {
        ++fired;
        victim.reset();
        if (fired < 3) wheel.arm(first.timer, milliseconds(100));
    };
    wheel.arm(first.timer, milliseconds(100));
    wheel.arm(victim->timer, milliseconds(100));
    for (int i = 0; i < 20; ++i)
        pass(100);
    EXPECT_EQ(fired, 3);
}

TEST_F(TimerWheelTest, ARestingWheelFollowsTheClockAgainWhenArmed) {
    int fired = 0;
    Action action{.run = [&] { ++fired; }};
    clock.advance(milliseconds(10'000));
    wheel.arm(action.timer, milliseconds(200));
    pass(100);
    EXPECT_EQ(fired, 0);
    pass(250);
    EXPECT_EQ(fired, 1);
}

TEST(TimerWheelDriver, FiresFromTheIoContextAndThenLetsItRest) {
    IoContext io{1};
    SystemClock clock;
    TimerWheel wheel(io, clock, milliseconds(1));
    int fired = 0;
    Action action{.run = [&] { ++fired; }};
    wheel.arm(action.timer, milliseconds(2));
    io.run();  // returns because nothing is armed any more
    EXPECT_EQ(fired, 1);
}

TEST(TimerWheelDriver, TimersMayOutliveTheWheel) {
    IoContext io{1};
    SystemClock clock;
    Action action{.run = [] { FAIL(); }};
    {
        TimerWheel wheel(io, clock, milliseconds(1));
        wheel.arm(action.timer, milliseconds(1));
    }
    EXPECT_FALSE(action.timer.armed());
}

}  // namespace
}  // namespace capture::base
