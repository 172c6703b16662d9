#include "sink/kafka/value_memory.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace capture::sink::kafka {
namespace {

TEST(ValueMemory, KeepsEveryValueWhereItWasWritten) {
    base::Budget budget(1 << 24, 1 << 24);
    ValueMemory memory(budget);
    std::vector<std::string_view> values;
    for (std::size_t i = 0; i < 2'000; ++i) {
        // Some are far larger than what was said.
        std::string const text(i % 97 == 0 ? 50'000 : i % 700, static_cast<char>('a' + i % 26));
        memory.start(300, 2'000 - i);
        memory.append(std::string_view(text).substr(0, text.size() / 2));
        memory.append(std::string_view(text).substr(text.size() / 2));
        std::size_t const size = memory.size();
        values.emplace_back(memory.finish(), size);
        ASSERT_EQ(size, text.size());
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        for (char const c : values[i])
            ASSERT_EQ(c, static_cast<char>('a' + i % 26)) << i;
    }
    EXPECT_FALSE(memory.refused());
    EXPECT_GT(budget.used(), 2'000u * 300);
    memory.clear();
    EXPECT_EQ(budget.used(), 0u);
}

TEST(ValueMemory, AGroupOfOneTakesWhatItNeeds) {
    base::Budget budget(1 << 24, 1 << 24);
    ValueMemory memory(budget);
    memory.start(1'000, 1);
    memory.append("value");
    (void)memory.finish();
    memory.pay(100);
    memory.seal();
    EXPECT_LT(budget.used(), 1'200u);
}

TEST(ValueMemory, SealingGivesBackWhatWasChargedInAdvance) {
    base::Budget budget(1 << 24, 1 << 24);
    ValueMemory memory(budget);
    std::string const text(1'000, 'x');
    for (std::size_t left = 3; left > 0; --left) {
        memory.start(10, left);
        memory.append(text);
        (void)memory.finish();
    }
    EXPECT_GE(budget.used(), 16'000u);
    memory.seal();
    EXPECT_LT(budget.used(), 3'200u);
    EXPECT_GE(budget.used(), 3'000u);
}

TEST(ValueMemory, ALargeValueIsNotCopied) {
    base::Budget budget(1 << 24, 1 << 24);
    ValueMemory memory(budget);
    memory.start(1'000'000, 2);
    memory.append(std::string(1'000'000, 'x'));
    const char* const written = memory.view().data();
    EXPECT_EQ(memory.finish(), written);
    memory.seal();
    EXPECT_LT(budget.used(), 1'020'000u);
}

TEST(ValueMemory, RemembersARefusal) {
    base::Budget budget(1'000, 1'000);
    ValueMemory memory(budget);
    memory.start(5'000, 1);
    memory.append(std::string(5'000, 'x'));
    (void)memory.finish();
    EXPECT_TRUE(memory.refused());
    memory.clear();
    EXPECT_EQ(budget.used(), 0u);
}

TEST(ValueMemory, WhatIsAbandonedIsNoLongerCharged) {
    base::Budget budget(1 << 24, 1 << 24);
    ValueMemory memory(budget);
    memory.start(10, 1);
    memory.append("x");
    char* const value = memory.finish();
    memory.seal();
    Chunks chunks = memory.take();
    EXPECT_GT(budget.used(), 0u);
    chunks.abandon();
    EXPECT_EQ(budget.used(), 0u);
    EXPECT_EQ(*value, 'x');
}

TEST(ValueMemory, ADraftOfTheUsualSizeIsNotCharged) {
    base::Budget budget(1 << 24, 1 << 24);
    ValueMemory memory(budget);
    memory.start(100, 1);
    memory.append(std::string(100, 'x'));
    EXPECT_EQ(budget.used(), 0u);
    memory.append(std::string(100'000, 'x'));
    EXPECT_GT(budget.used(), 100'000u);
}

TEST(ValueMemory, GroupsThatAreWrittenInTurnsHaveDraftsOfTheirOwn) {
    base::Budget budget(1 << 24, 1 << 24);
    ValueMemory one(budget);
    ValueMemory other(budget);
    one.start(100, 1);
    other.start(100, 1);
    one.append("one");
    other.append("other");
    EXPECT_EQ(std::string_view(one.finish(), 3), "one");
    EXPECT_EQ(std::string_view(other.finish(), 5), "other");
}

TEST(ValueMemory, TheLastValueThatIsExpectedLeavesTheDraftToTheNextGroup) {
    base::Budget budget(1 << 24, 1 << 24);
    ValueMemory one(budget);
    one.start(100, 1);
    one.append("one");
    const char* const draft = one.view().data();
    (void)one.finish();
    ValueMemory next(budget);
    next.start(100, 1);
    next.append("next");
    EXPECT_EQ(next.view().data(), draft);
}

TEST(ValueMemory, ALargeValueInADraftOfTheUsualSizeIsCharged) {
    base::Budget budget(1 << 24, 1 << 24);
    ValueMemory memory(budget);
    memory.start(100, 1);
    memory.append(std::string(9'000, 'x'));
    (void)memory.finish();
    memory.seal();
    EXPECT_GE(budget.used(), 9'000u);
}

}  // namespace
}  // namespace capture::sink::kafka
