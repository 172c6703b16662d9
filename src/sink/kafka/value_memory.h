// The memory of a group's values and keys. Each value is written into a draft, which is used again
// for the next one, so that writing happens in memory that is in the cache and can reserve more
// than it needs; what has been written is then copied into chunks of the group's own, without gaps,
// and a large value keeps its draft instead. librdkafka gets pointers into the chunks, which go
// together when the last report is in. Inside sink/kafka only; one thread at a time.
//
// Charged to the budget by the block, but for a draft of the usual size: of those every thread has
// one, which goes from group to group. A refusal is only remembered: the writer still gets its
// memory, so a group overshoots by one value at most.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/budget.h"
#include "base/byte_writer.h"
#include "sink/kafka/blocks.h"

namespace capture::sink::kafka {

/// Where values stand, and what is charged for that. Small, because it is part of every flight.
class Chunks {
  public:
    Chunks() = default;
    explicit Chunks(base::Budget& budget) : charge_(budget) {}
    Chunks(Chunks&& other) noexcept;
    Chunks& operator=(Chunks&& other) noexcept;
    ~Chunks() { clear(); }

    base::Charge& charge() { return charge_; }
    void add(Block block);
    /// Takes all blocks out, behind those in `blocks`.
    void move_to(std::vector<Block>& blocks);
    /// Gives back blocks and charge.
    void clear();
    /// Gives back the charge and leaves the blocks for ever: somebody may still read them.
    void abandon();

  private:
    base::Charge charge_;
    Block first_;                               ///< of most groups the only one
    std::unique_ptr<std::vector<Block>> more_;  ///< null where it is
};

class ValueMemory final : public base::ByteWriter {
  public:
    explicit ValueMemory(base::Budget& budget) : chunks_(budget) {}
    ~ValueMemory() { clear(); }

    /// Begins a value of about `size` bytes, the first of about `count` like it.
    void start(std::size_t size, std::size_t count);
    /// Ends the value; where it stands as long as the chunks are there.
    char* finish();

    /// Charges other memory of the group.
    void pay(std::size_t bytes);
    /// The budget has refused something since the start.
    bool refused() const { return refused_; }
    /// Nothing more will be written: gives back the draft, and what was charged in advance.
    void seal();
    /// What has been written, with its charge; after seal().
    Chunks take() { return std::move(chunks_); }
    /// Gives back everything.
    void clear();

  private:
    void grow(std::size_t need) override;
    void unpay(std::size_t bytes);
    void write_into(Block block, std::size_t used);
    void drop_draft();
    Block allocate(std::size_t bytes);

    Chunks chunks_;
    Block draft_;
    char* free_ = nullptr;  ///< of the chunk that is being filled
    char* free_end_ = nullptr;
    std::size_t expected_ = 1;  ///< values, with the one being written
    std::size_t used_ = 0;      ///< of what is charged
    std::size_t step_ = 0;      ///< bytes to charge at least, because the budget is shared
    bool refused_ = false;
};

}  // namespace capture::sink::kafka
