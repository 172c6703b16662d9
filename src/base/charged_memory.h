// A writer into one block of its own that is charged to a budget: records that are kept, or made
// only to be compressed. One thread at a time.
#pragma once

#include <algorithm>
#include <string_view>

#include "base/budget.h"
#include "base/byte_writer.h"
#include "base/memory_block.h"

namespace capture::base {

/// Grows by doubling; the part after `start()` is what writers see. A refusal of the budget is only
/// remembered: the writer still gets its memory, so one record at most overshoots.
class ChargedMemory final : public ByteWriter {
  public:
    ChargedMemory() = default;

    /// Starts anew for `budget`, keeping the block.
    void attach(Budget& budget) {
        charge_ = Charge(budget);
        refused_ = !charge_.add(capacity());
        start(0);
    }
    /// Gives the charge back; the block stays for the next use unless it is large.
    void detach(std::size_t keep_at_most) {
        charge_.clear();
        if (capacity() > keep_at_most) {
            block_.resize(0);
            begin_ = cursor_ = end_ = nullptr;
        }
    }
    /// Forgets what was written from `offset` on, and writes there.
    void start(std::size_t offset) { begin_ = cursor_ = block_.data() + offset; }
    /// Bytes written since the block's beginning.
    std::size_t total() const { return static_cast<std::size_t>(cursor_ - block_.data()); }
    std::string_view at(std::size_t offset, std::size_t bytes) const {
        return {block_.data() + offset, bytes};
    }

    [[nodiscard]] bool add_charge(std::size_t bytes) {
        if (!charge_.add(bytes)) refused_ = true;
        return !refused_;
    }
    bool refused() const { return refused_; }
    std::size_t capacity() const { return block_.size(); }

  private:
    void grow(std::size_t need) override {
        std::size_t const used = total();
        auto const offset = static_cast<std::size_t>(begin_ - block_.data());
        std::size_t const wanted = std::max({used + need, 2 * capacity(), std::size_t{1024}});
        if (!charge_.add(wanted - capacity())) refused_ = true;
        block_.resize(wanted);
        begin_ = block_.data() + offset;
        cursor_ = block_.data() + used;
        end_ = block_.data() + wanted;
    }
    Charge charge_;
    MemoryBlock block_;
    bool refused_ = false;
};

}  // namespace capture::base
