// Memory for tables that are read at random: large ones ask the kernel for huge pages. With a
// million keys a look-up otherwise costs a page walk on top of the cache miss, which is about a
// third of its price.
//
// Blocks from 1 MiB on are rounded up to whole pages of 2 MiB, which costs a third more at worst.
// Where the kernel gives no huge pages all works as well.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace capture::limits {

template <typename T>
struct LargePages {
    using value_type = T;

    static constexpr std::size_t kPage = std::size_t{2} << 20;

    LargePages() = default;
    template <typename U>
    LargePages(const LargePages<U>&) {}  // NOLINT(google-explicit-constructor): an allocator's form

    /// What a block for so many takes.
    static std::size_t bytes(std::size_t count) {
        std::size_t const size = count * sizeof(T);
        return size < kPage / 2 ? size : (size + kPage - 1) / kPage * kPage;
    }
    T* allocate(std::size_t count) {
        std::size_t const size = bytes(count);
        bool const large = size >= kPage;
        void* const block = large ? std::aligned_alloc(kPage, size) : std::malloc(size);
        if (!block) throw std::bad_alloc();
        if (large) ::madvise(block, size, MADV_HUGEPAGE);
        return static_cast<T*>(block);
    }
    void deallocate(T* block, std::size_t /*count*/) { std::free(block); }

    bool operator==(const LargePages&) const { return true; }
};

}  // namespace capture::limits
