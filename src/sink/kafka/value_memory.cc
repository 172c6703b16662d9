#include "sink/kafka/value_memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace capture::sink::kafka {
namespace {

/// Of a group of several records: small enough for the allocator's thread caches, and as large as
/// one of its size classes.
constexpr std::size_t kChunk = 14 * 1024;
constexpr std::size_t kChargeStep = 16 * 1024;

}  // namespace

ValueMemory::Chunk* ValueMemory::abandoned_ = nullptr;
std::mutex ValueMemory::abandoned_mutex_;

void ValueMemory::start(std::size_t size, std::size_t count) {
    if (count > 1) step_ = kChargeStep;
    begin_ = cursor_;
    if (static_cast<std::size_t>(end_ - cursor_) >= size) return;
    constexpr std::size_t kRoom = kChunk - sizeof(Chunk);
    bool const fills_one = size <= kRoom / 2 && count >= kRoom / size;
    Chunk* const chunk = add_chunk(fills_one ? kRoom : size * std::min(count, 1 + kRoom / size));
    begin_ = cursor_ = reinterpret_cast<char*>(chunk + 1);
    end_ = reinterpret_cast<char*>(chunk) + chunk->bytes;
}

char* ValueMemory::finish() {
    return std::exchange(begin_, cursor_);
}

void ValueMemory::grow(std::size_t need) {
    std::size_t const used = size();
    char* const old = begin_;
    Chunk* const full = first_;
    Chunk* const chunk = add_chunk(std::max(used + need, 2 * used));
    begin_ = reinterpret_cast<char*>(chunk + 1);
    cursor_ = begin_ + used;
    end_ = reinterpret_cast<char*>(chunk) + chunk->bytes;
    if (used > 0) std::memcpy(begin_, old, used);
    // A value that had a chunk for itself leaves nothing behind.
    if (full && old == reinterpret_cast<char*>(full + 1)) {
        chunk->next = full->next;
        used_ -= std::min(used_, full->bytes);
        std::free(full);
    }
}

ValueMemory::Chunk* ValueMemory::add_chunk(std::size_t room) {
    std::size_t const bytes = sizeof(Chunk) + room;
    pay(bytes);
    void* const memory = std::malloc(bytes);
    if (!memory) std::abort();
    return first_ = new (memory) Chunk{first_, bytes};
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

void ValueMemory::seal() {
    budget_.release(charged_ - used_);
    charged_ = used_;
}

void ValueMemory::clear() {
    while (first_)
        std::free(std::exchange(first_, first_->next));
    forget();
}

void ValueMemory::abandon() {
    if (first_) {
        Chunk* last = first_;
        while (last->next)
            last = last->next;
        std::lock_guard const lock(abandoned_mutex_);
        last->next = std::exchange(abandoned_, first_);
    }
    forget();
}

void ValueMemory::forget() {
    first_ = nullptr;
    begin_ = cursor_ = end_ = nullptr;
    budget_.release(std::exchange(charged_, 0));
    used_ = 0;
}

}  // namespace capture::sink::kafka
