#include "sink/kafka/value_memory.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

namespace capture::sink::kafka {
namespace {

/// Small enough for the allocator's thread caches, and as large as one of its size classes.
constexpr std::size_t kBlock = 14 * 1024;
/// What writers reserve beyond what they are about to write.
constexpr std::size_t kMargin = 8 * 1024;
/// A value of this size is not copied: its draft becomes a chunk.
constexpr std::size_t kLarge = 8 * 1024;
constexpr std::size_t kChargeStep = 16 * 1024;

}  // namespace

void ValueMemory::start(std::size_t size, std::size_t count) {
    expected_ = count;
    if (count > 1) step_ = kChargeStep;
    std::size_t const bytes = std::max(kBlock, size + kMargin);
    if (draft_.bytes < bytes) {
        drop_draft();
        draft_ = allocate(bytes);
    }
    write_into(draft_, 0);
}

void ValueMemory::grow(std::size_t need) {
    std::size_t const used = size();
    Block const larger = allocate(std::max(used + need, 2 * used));
    if (used > 0) std::memcpy(larger.begin, begin_, used);
    drop_draft();
    draft_ = larger;
    write_into(draft_, used);
}

void ValueMemory::write_into(Block block, std::size_t used) {
    begin_ = block.begin;
    cursor_ = block.begin + used;
    end_ = block.begin + block.bytes;
}

char* ValueMemory::finish() {
    std::size_t const bytes = size();
    char* place = begin_;
    if (bytes >= kLarge) {
        add_chunk(std::exchange(draft_, {}));
    } else {
        if (static_cast<std::size_t>(free_end_ - free_) < bytes) {
            Block const chunk = allocate(std::max(bytes, std::min(bytes * expected_, kBlock)));
            add_chunk(chunk);
            free_ = chunk.begin;
            free_end_ = chunk.begin + chunk.bytes;
        }
        if (bytes > 0) std::memcpy(free_, begin_, bytes);
        place = std::exchange(free_, free_ + bytes);
    }
    begin_ = cursor_ = end_ = nullptr;
    return place;
}

ValueMemory::Block ValueMemory::allocate(std::size_t bytes) {
    pay(bytes);
    return {static_cast<char*>(::operator new(bytes)), bytes};
}

void ValueMemory::release(Block block) {
    ::operator delete(block.begin, block.bytes);
}

void ValueMemory::add_chunk(Block block) {
    if (!first_.begin)
        first_ = block;
    else
        more_.push_back(block);
}

void ValueMemory::pay(std::size_t bytes) {
    std::size_t const wanted = used_ + bytes;
    if (wanted > charged_) {
        std::size_t const missing = wanted - charged_;
        if (missing < step_ && budget_.charge(step_)) {
            charged_ += step_;
        } else if (budget_.charge(missing)) {
            charged_ = wanted;
        } else {
            refused_ = true;
            return;
        }
    }
    used_ = wanted;
}

/// What was refused has not been paid.
void ValueMemory::unpay(std::size_t bytes) {
    used_ -= std::min(used_, bytes);
}

void ValueMemory::drop_draft() {
    if (!draft_.begin) return;
    unpay(draft_.bytes);
    release(std::exchange(draft_, {}));
    begin_ = cursor_ = end_ = nullptr;
}

void ValueMemory::seal() {
    drop_draft();
    budget_.release(charged_ - used_);
    charged_ = used_;
}

void ValueMemory::clear() {
    drop_draft();
    if (first_.begin) release(first_);
    for (Block const block : more_)
        release(block);
    forget();
}

void ValueMemory::abandon() {
    drop_draft();
    if (first_.begin) more_.push_back(first_);
    keep_for_ever(std::move(more_));
    forget();
}

/// What was abandoned stays reachable, also when the process ends, so that a leak checker sees no
/// leak in it. Any thread.
void ValueMemory::keep_for_ever(std::vector<Block> blocks) {
    static std::mutex mutex;
    static auto& kept = *new std::vector<std::vector<Block>>;
    std::lock_guard const lock(mutex);
    kept.push_back(std::move(blocks));
}

void ValueMemory::forget() {
    first_ = {};
    more_.clear();
    free_ = free_end_ = nullptr;
    budget_.release(std::exchange(charged_, 0));
    used_ = 0;
}

}  // namespace capture::sink::kafka
