#include "base/arena.h"

#include <gtest/gtest.h>

#include <string>

namespace capture::base {
namespace {

TEST(Arena, ChargesItsBlocksAndGivesThemBack) {
    Budget budget(1 << 20, 1 << 20);
    {
        Arena arena;
        arena.charge_to(budget);
        (void)arena.allocate(512);
        EXPECT_EQ(budget.used(), 0u) << "the first KiB is the arena's own";
        (void)arena.allocate(100'000);
        EXPECT_GE(budget.used(), 100'000u);
        EXPECT_FALSE(arena.exhausted());
    }
    EXPECT_EQ(budget.used(), 0u);
}

TEST(Arena, ARefusedBlockMarksItAsExhausted) {
    Budget budget(1000, 1000);
    Arena arena;
    arena.charge_to(budget);
    std::string const text(5000, 'x');
    EXPECT_EQ(arena.copy(text), text);
    EXPECT_TRUE(arena.exhausted());
    EXPECT_EQ(budget.used(), 0u);
}

TEST(Arena, WithoutABudgetNothingIsRefused) {
    Arena arena;
    EXPECT_EQ(arena.array<int>(100'000).size(), 100'000u);
    EXPECT_FALSE(arena.exhausted());
}

}  // namespace
}  // namespace capture::base
