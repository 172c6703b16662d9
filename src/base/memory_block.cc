#include "base/memory_block.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace capture::base {
namespace {

char* map(std::size_t size) {
    void* const pages =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) std::abort();
    ::madvise(pages, size, MADV_HUGEPAGE);  // refused where there are none
    return static_cast<char*>(pages);
}

char* remap(char* pages, std::size_t from, std::size_t to) {
    void* const moved = ::mremap(pages, from, to, MREMAP_MAYMOVE);
    if (moved == MAP_FAILED) std::abort();
    return static_cast<char*>(moved);
}

char* reallocate(char* bytes, std::size_t size) {
    void* const moved = std::realloc(bytes, size);
    if (!moved) std::abort();
    return static_cast<char*>(moved);
}

void release(char* bytes, std::size_t size) {
    if (size < MemoryBlock::kLarge)
        std::free(bytes);
    else
        ::munmap(bytes, size);
}

}  // namespace

void MemoryBlock::resize(std::size_t size) {
    if (size == size_) return;
    bool const was_large = size_ >= kLarge;
    bool const large = size >= kLarge;
    if (size == 0) {
        release(std::exchange(bytes_, nullptr), size_);
    } else if (was_large && large) {
        bytes_ = remap(bytes_, size_, size);
    } else if (!was_large && !large) {
        bytes_ = reallocate(bytes_, size);
    } else {
        char* const moved = large ? map(size) : reallocate(nullptr, size);
        if (size_ > 0) std::memcpy(moved, bytes_, std::min(size, size_));
        release(bytes_, size_);
        bytes_ = moved;
    }
    size_ = size;
}

}  // namespace capture::base
