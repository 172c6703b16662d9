// The growing memory of a group in sinks that keep a request's records in one block. Inside the
// sink room only.
#pragma once

#include <algorithm>
#include <cstdlib>

#include "base/budget.h"
#include "base/byte_writer.h"

namespace capture::sink {

/// Grows by doubling, charged to a budget. A refusal is only remembered: the writer still gets its
/// memory, and the group's commit() tells. So a refused group overshoots by one record at most.
class GroupMemory final : public base::ByteWriter {
  public:
    GroupMemory() = default;
    ~GroupMemory() { std::free(begin_); }

    /// Starts anew for `budget`, keeping the block.
    void attach(base::Budget& budget) {
        charge_ = base::Charge(budget);
        refused_ = !charge_.add(capacity());
        cursor_ = begin_;
    }
    /// Gives the charge back; the block stays for the next group unless it is large.
    void detach(std::size_t keep_at_most) {
        charge_.clear();
        if (capacity() > keep_at_most) {
            std::free(begin_);
            begin_ = cursor_ = end_ = nullptr;
        }
    }
    /// Forgets what was written after `size`.
    void rewind(std::size_t size) { cursor_ = begin_ + size; }
    [[nodiscard]] bool add_charge(std::size_t bytes) {
        if (!charge_.add(bytes)) refused_ = true;
        return !refused_;
    }
    bool refused() const { return refused_; }
    std::size_t capacity() const { return static_cast<std::size_t>(end_ - begin_); }

  private:
    void grow(std::size_t need) override {
        std::size_t const used = size();
        std::size_t const wanted = std::max({used + need, 2 * capacity(), std::size_t{1024}});
        if (!charge_.add(wanted - capacity())) refused_ = true;
        auto* const grown = static_cast<char*>(std::realloc(begin_, wanted));
        if (!grown) std::abort();
        begin_ = grown;
        cursor_ = grown + used;
        end_ = grown + wanted;
    }
    base::Charge charge_;
    bool refused_ = false;
};

}  // namespace capture::sink
