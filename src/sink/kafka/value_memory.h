// The memory of a group's values and keys. Each value is written into a draft, which is used again
// for the next one, so that writing happens in memory that is in the cache and can reserve more
// than it needs; what has been written is then copied into chunks of the group's own, without gaps,
// and a large value keeps its draft instead. librdkafka gets pointers into the chunks, which are
// freed together when the last report is in. Inside sink/kafka only; one thread at a time.
//
// Charged to the budget by the block. A refusal is only remembered: the writer still gets its
// memory, so a group overshoots by one value at most.
#pragma once

#include <cstddef>
#include <vector>

#include "base/budget.h"
#include "base/byte_writer.h"

namespace capture::sink::kafka {

class ValueMemory final : public base::ByteWriter {
  public:
    explicit ValueMemory(base::Budget& budget) : budget_(budget) {}
    ~ValueMemory() { clear(); }

    /// Begins a value of about `size` bytes, the first of about `count` like it.
    void start(std::size_t size, std::size_t count);
    /// Ends the value; where it stands until clear().
    char* finish();

    /// Charges other memory of the group.
    void pay(std::size_t bytes);
    /// The budget has refused something since the start.
    bool refused() const { return refused_; }
    /// Nothing more will be written: gives back the draft, and what was charged in advance.
    void seal();
    /// Frees everything and gives back the charge.
    void clear();
    /// Gives back the charge and leaves the chunks for ever: somebody may still read them.
    void abandon();

  private:
    /// What is known of a block is kept here and not in it: nobody has to touch it to free it.
    struct Block {
        char* begin = nullptr;
        std::size_t bytes = 0;
    };

    void grow(std::size_t need) override;
    void unpay(std::size_t bytes);
    void write_into(Block block, std::size_t used);
    void drop_draft();
    void add_chunk(Block block);
    Block allocate(std::size_t bytes);
    static void release(Block block);
    static void keep_for_ever(std::vector<Block> blocks);
    void forget();

    base::Budget& budget_;
    Block draft_;
    Block first_;              ///< chunk; of most groups the only one
    std::vector<Block> more_;  ///< chunks
    char* free_ = nullptr;     ///< of the chunk that is being filled
    char* free_end_ = nullptr;
    std::size_t expected_ = 1;  ///< values, with the one being written
    std::size_t charged_ = 0;
    std::size_t used_ = 0;  ///< of what is charged
    std::size_t step_ = 0;  ///< bytes to charge at least, because the budget is shared
    bool refused_ = false;
};

}  // namespace capture::sink::kafka
