#include "sink/kafka/blocks.h"

#include <algorithm>
#include <new>

namespace capture::sink::kafka {
namespace {

Block allocate(std::size_t bytes) {
    return {static_cast<char*>(::operator new(bytes)), bytes};
}

void free(Block block) {
    ::operator delete(block.begin, block.bytes);
}

}  // namespace

Blocks::~Blocks() {
    for (auto const& size : sizes_) {
        for (Block const block : size)
            free(block);
    }
}

Blocks& Blocks::shared() {
    static auto& blocks = *new Blocks;
    return blocks;
}

Block Blocks::take(std::size_t bytes) {
    if (bytes > kLargest) return allocate(bytes);
    std::size_t const rounded = (bytes + kStep - 1) / kStep * kStep;
    {
        std::lock_guard const lock(mutex_);
        if (Size& size = of_size(rounded); !size.empty()) {
            Block const block = size.back();
            size.pop_back();
            idle_ -= rounded;
            return block;
        }
    }
    return allocate(rounded);
}

void Blocks::give_back(std::span<const Block> blocks) {
    std::vector<Block> dropped;
    {
        std::lock_guard const lock(mutex_);
        for (Block const block : blocks) {
            if (block.bytes > kLargest) {
                dropped.push_back(block);
                continue;
            }
            of_size(block.bytes).push_back(block);
            idle_ += block.bytes;
            while (idle_ > kIdle)
                dropped.push_back(drop_one());
        }
    }
    for (Block const block : dropped)
        free(block);
}

Block Blocks::drop_one() {
    auto const bytes = [](const Size& size) {
        return size.empty() ? 0 : size.size() * size.back().bytes;
    };
    Size& most = *std::ranges::max_element(sizes_, {}, bytes);
    Block const block = most.back();
    most.pop_back();
    idle_ -= block.bytes;
    return block;
}

std::size_t Blocks::idle() const {
    std::lock_guard const lock(mutex_);
    return idle_;
}

}  // namespace capture::sink::kafka
