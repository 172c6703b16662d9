// Memory that goes from thread to thread: whoever writes records takes it, and the poll thread that
// gets their last report gives it back. The allocator's caches belong to one thread each, so it
// would pass every such block through its arenas twice, which costs more than all else that is done
// with a group's memory. Here a block waits for whoever needs one of its size next. Inside
// sink/kafka only; any thread.
//
// What waits is charged to nobody, and is kIdle bytes at most. Where more comes back, the size of
// which most waits makes room, so that one that is no longer asked for does not keep its place.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <span>
#include <vector>

namespace capture::sink::kafka {

/// What is known of a block is kept here and not in it: nobody has to touch it to give it back.
struct Block {
    char* begin = nullptr;
    std::size_t bytes = 0;
};

class Blocks {
  public:
    /// Sizes are multiples of this.
    static constexpr std::size_t kStep = 256;
    /// Larger ones have their exact size, and come from the allocator and go there.
    static constexpr std::size_t kLargest = 16 * 1024;
    static constexpr std::size_t kIdle = 8 * 1024 * 1024;

    Blocks() = default;
    ~Blocks();
    Blocks(const Blocks&) = delete;
    Blocks& operator=(const Blocks&) = delete;

    /// Those of the process, like the allocator behind them. They never go.
    static Blocks& shared();

    /// A block of at least `bytes`, which are not zero.
    Block take(std::size_t bytes);
    /// Blocks that were taken here; many at a time cost one lock.
    void give_back(std::span<const Block> blocks);

    /// Bytes that wait.
    std::size_t idle() const;

  private:
    using Size = std::vector<Block>;

    Size& of_size(std::size_t bytes) { return sizes_[bytes / kStep - 1]; }
    Block drop_one();

    mutable std::mutex mutex_;  ///< guards all below
    std::array<Size, kLargest / kStep> sizes_;
    std::size_t idle_ = 0;
};

}  // namespace capture::sink::kafka
