// One block of bytes that grows, never zero-filled by us. Small ones are malloc's; large ones have
// pages of their own.
//
// An allocator that returns freed pages to the kernel little by little returns a large block all at
// once, soon after it is freed: the next request of its size has thousands of page faults. Pages of
// its own cost a few faults, of 2 MiB each where the kernel has huge pages, and are the machine's
// again as soon as the block is freed. One thread at a time; movable; charged to nobody. Ends the
// process when there is no memory.
#pragma once

#include <cstddef>
#include <utility>

namespace capture::base {

class MemoryBlock {
  public:
    /// From this size on a block has pages of its own.
    static constexpr std::size_t kLarge = std::size_t{4} << 20;

    MemoryBlock() = default;
    ~MemoryBlock() {
        if (bytes_) resize(0);
    }
    MemoryBlock(MemoryBlock&& other) noexcept
        : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    MemoryBlock& operator=(MemoryBlock&& other) noexcept {
        std::swap(bytes_, other.bytes_);
        std::swap(size_, other.size_);
        if (other.bytes_) other.resize(0);
        return *this;
    }

    char* data() const { return bytes_; }
    std::size_t size() const { return size_; }
    /// Keeps what fits; 0 frees.
    void resize(std::size_t size);

  private:
    char* bytes_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace capture::base
