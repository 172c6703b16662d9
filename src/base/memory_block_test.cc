#include "base/memory_block.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/buffer.h"

namespace capture::base {
namespace {

/// Bytes that tell where they belong.
void fill(const MemoryBlock& block, std::size_t from) {
    for (std::size_t i = from; i < block.size(); ++i)
        block.data()[i] = static_cast<char>(i * 7 / 5);
}
bool filled(const MemoryBlock& block, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) {
        if (block.data()[i] != static_cast<char>(i * 7 / 5)) return false;
    }
    return true;
}

TEST(MemoryBlock, KeepsItsContentWhateverMemoryItMovesTo) {
    constexpr std::size_t kLarge = MemoryBlock::kLarge;
    std::vector<std::size_t> const sizes{1,          100,        kLarge - 1, kLarge, kLarge + 4097,
                                         3 * kLarge, kLarge / 2, 2 * kLarge, kLarge, 10};
    MemoryBlock block;
    std::size_t kept = 0;
    for (std::size_t const size : sizes) {
        block.resize(size);
        ASSERT_EQ(block.size(), size);
        kept = std::min(kept, size);
        EXPECT_TRUE(filled(block, kept)) << size;
        fill(block, kept);
        kept = size;
    }
    block.resize(0);
    EXPECT_EQ(block.data(), nullptr);
    EXPECT_EQ(block.size(), 0);
}

TEST(MemoryBlock, MovesAlongWithItsOwner) {
    for (std::size_t const size : {std::size_t{100}, MemoryBlock::kLarge}) {
        MemoryBlock first;
        first.resize(size);
        fill(first, 0);
        MemoryBlock second(std::move(first));
        MemoryBlock third;
        third.resize(MemoryBlock::kLarge + 100);
        third = std::move(second);
        EXPECT_EQ(third.size(), size);
        EXPECT_TRUE(filled(third, size));
    }
}

TEST(Buffer, OfAnySizeHasRoomAndSlackAndIsChargedForBoth) {
    Budget budget(std::size_t{1} << 30, std::size_t{1} << 30);
    {
        Buffer buffer(&budget);
        std::string const piece(1'000'000, 'x');
        for (int i = 0; i < 10; ++i)
            ASSERT_TRUE(buffer.append(piece));
        EXPECT_EQ(buffer.size(), 10 * piece.size());
        EXPECT_GE(buffer.capacity(), buffer.size());
        EXPECT_EQ(budget.used(), buffer.capacity() + Buffer::kSlack);
        std::memset(buffer.data() + buffer.capacity(), 0, Buffer::kSlack);
        EXPECT_EQ(buffer.view().find_first_not_of('x'), std::string_view::npos);
    }
    EXPECT_EQ(budget.used(), 0);
}

}  // namespace
}  // namespace capture::base
