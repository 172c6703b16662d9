#include "sink/kafka/blocks.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace capture::sink::kafka {
namespace {

TEST(Blocks, GivesOutWhatCameBackBeforeItAllocates) {
    Blocks blocks;
    Block const first = blocks.take(1'000);
    EXPECT_EQ(first.bytes, 1'024u);
    blocks.give_back({&first, 1});
    EXPECT_EQ(blocks.idle(), 1'024u);

    std::array const two{blocks.take(1'020), blocks.take(1'020)};
    EXPECT_EQ(two[0].begin, first.begin);
    EXPECT_NE(two[1].begin, first.begin);
    EXPECT_EQ(blocks.idle(), 0u);
    blocks.give_back(two);
}

TEST(Blocks, DoesNotKeepWhatIsLargerThanTheLargest) {
    Blocks blocks;
    Block const largest = blocks.take(Blocks::kLargest);
    Block const larger = blocks.take(Blocks::kLargest + 1);
    EXPECT_EQ(larger.bytes, Blocks::kLargest + 1);
    blocks.give_back(std::array{largest, larger});
    EXPECT_EQ(blocks.idle(), Blocks::kLargest);
}

std::vector<Block> take(Blocks& blocks, std::size_t bytes, std::size_t of_size) {
    std::vector<Block> taken;
    for (std::size_t sum = 0; sum < bytes; sum += of_size)
        taken.push_back(blocks.take(of_size));
    return taken;
}

TEST(Blocks, KeepsNoMoreThanItMay) {
    Blocks blocks;
    blocks.give_back(take(blocks, 2 * Blocks::kIdle, Blocks::kLargest));
    EXPECT_EQ(blocks.idle(), Blocks::kIdle);
}

TEST(Blocks, ASizeOutOfUseMakesRoomForTheOneInUse) {
    Blocks blocks;
    blocks.give_back(take(blocks, Blocks::kIdle, Blocks::kStep));
    EXPECT_EQ(blocks.idle(), Blocks::kIdle);
    constexpr std::size_t kUsed = Blocks::kIdle / 4;
    blocks.give_back(take(blocks, kUsed, Blocks::kLargest));
    EXPECT_EQ(blocks.idle(), Blocks::kIdle);
    auto const used = take(blocks, kUsed, Blocks::kLargest);
    EXPECT_EQ(blocks.idle(), Blocks::kIdle - kUsed);
    blocks.give_back(used);
}

}  // namespace
}  // namespace capture::sink::kafka
