// Memory of one request for small things that must live as long as its body: unescaped strings,
// edited properties, texts of error messages. Freed all at once. One thread at a time.
//
// Once charge_to() has named a budget, all but the first KiB is charged to it, block by block. A
// refused charge does not fail the allocation that needed it; it marks the arena as exhausted. Who
// allocates in a loop over a client's text asks exhausted() and stops, so that at most one block
// goes uncharged; who answers the request asks it once more and refuses.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <span>
#include <string_view>

#include "base/budget.h"

namespace capture::base {

class Arena {
  public:
    Arena() : resource_(first_, sizeof(first_), &blocks_) {}
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    /// Blocks from now on are charged; the budget must outlive the arena.
    void charge_to(Budget& budget) { blocks_.charge = Charge(budget); }
    /// The budget has refused a block.
    bool exhausted() const { return blocks_.refused; }

    char* allocate(std::size_t bytes) { return static_cast<char*>(resource_.allocate(bytes, 1)); }
    std::string_view copy(std::string_view text) {
        if (text.empty()) return {};
        char* p = allocate(text.size());
        std::memcpy(p, text.data(), text.size());
        return {p, text.size()};
    }
    template <typename T>
    std::span<T> array(std::size_t count) {
        return {static_cast<T*>(resource_.allocate(count * sizeof(T), alignof(T))), count};
    }
    std::pmr::memory_resource* resource() { return &resource_; }

  private:
    /// Where the blocks come from.
    class Blocks final : public std::pmr::memory_resource {
      public:
        Charge charge;
        bool refused = false;

      private:
        void* do_allocate(std::size_t bytes, std::size_t alignment) override {
            if (!charge.add(bytes)) refused = true;
            return std::pmr::new_delete_resource()->allocate(bytes, alignment);
        }
        void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
            std::pmr::new_delete_resource()->deallocate(block, bytes, alignment);
        }
        bool do_is_equal(const memory_resource& other) const noexcept override {
            return this == &other;
        }
    };

    alignas(16) std::byte first_[1024];
    Blocks blocks_;
    std::pmr::monotonic_buffer_resource resource_;
};

}  // namespace capture::base
