#include "sink/kafka/value_memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
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

void* allocate(std::size_t bytes) {
    void* const memory = std::malloc(bytes);
    if (!memory) std::abort();
    return memory;
}

}  // namespace

ValueMemory::Block* ValueMemory::abandoned_ = nullptr;
std::mutex ValueMemory::abandoned_mutex_;

void ValueMemory::start(std::size_t size, std::size_t count) {
    expected_ = count;
    if (count > 1) step_ = kChargeStep;
    std::size_t const bytes = std::max(kBlock, sizeof(Block) + size + kMargin);
    if (draft_ && draft_->bytes < bytes) drop_draft();
    if (!draft_) {
        pay(bytes);
        draft_ = new (allocate(bytes)) Block{nullptr, bytes};
    }
    begin_ = cursor_ = draft_->text();
    end_ = draft_->end();
}

void ValueMemory::grow(std::size_t need) {
    std::size_t const used = size();
    std::size_t const bytes = sizeof(Block) + std::max(used + need, 2 * used);
    pay(bytes);
    auto* const larger = new (allocate(bytes)) Block{nullptr, bytes};
    if (used > 0) std::memcpy(larger->text(), begin_, used);
    drop_draft();
    draft_ = larger;
    begin_ = draft_->text();
    cursor_ = begin_ + used;
    end_ = draft_->end();
}

char* ValueMemory::finish() {
    std::size_t const bytes = size();
    char* place = begin_;
    if (bytes >= kLarge) {
        draft_->next = std::exchange(chunks_, draft_);
        draft_ = nullptr;
    } else {
        if (static_cast<std::size_t>(free_end_ - free_) < bytes) {
            Block* const chunk =
                add_chunk(std::max(bytes, std::min(bytes * expected_, kBlock - sizeof(Block))));
            free_ = chunk->text();
            free_end_ = chunk->end();
        }
        if (bytes > 0) std::memcpy(free_, begin_, bytes);
        place = std::exchange(free_, free_ + bytes);
    }
    begin_ = cursor_ = end_ = nullptr;
    return place;
}

ValueMemory::Block* ValueMemory::add_chunk(std::size_t room) {
    std::size_t const bytes = sizeof(Block) + room;
    pay(bytes);
    return chunks_ = new (allocate(bytes)) Block{chunks_, bytes};
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
    if (!draft_) return;
    unpay(draft_->bytes);
    std::free(std::exchange(draft_, nullptr));
    begin_ = cursor_ = end_ = nullptr;
}

void ValueMemory::seal() {
    drop_draft();
    budget_.release(charged_ - used_);
    charged_ = used_;
}

void ValueMemory::clear() {
    drop_draft();
    while (chunks_)
        std::free(std::exchange(chunks_, chunks_->next));
    forget();
}

void ValueMemory::abandon() {
    drop_draft();
    if (chunks_) {
        Block* last = chunks_;
        while (last->next)
            last = last->next;
        std::lock_guard const lock(abandoned_mutex_);
        last->next = std::exchange(abandoned_, chunks_);
    }
    forget();
}

void ValueMemory::forget() {
    chunks_ = nullptr;
    free_ = free_end_ = nullptr;
    budget_.release(std::exchange(charged_, 0));
    used_ = 0;
}

}  // namespace capture::sink::kafka
