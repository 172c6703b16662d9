// The memory of a group's values and keys: chunks of the group's own, written one value after the
// other and freed together when the last report is in. librdkafka gets pointers into them. Against
// a block per record that the client frees it saves an allocation here and a free on another
// thread for each. Inside sink/kafka only; one thread at a time.
//
// Charged to the budget by the chunk. A refusal is only remembered: the writer still gets its
// memory, so a group overshoots by one value at most.
#pragma once

#include <cstddef>
#include <mutex>

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
    /// Gives back what was charged in advance: nothing more will be written.
    void seal();
    /// Frees everything and gives back the charge.
    void clear();
    /// Gives back the charge and leaves the memory for ever: somebody may still read it.
    void abandon();

  private:
    struct Chunk {
        Chunk* next;
        std::size_t bytes;  ///< of the whole chunk
    };

    void grow(std::size_t need) override;
    void forget();
    Chunk* add_chunk(std::size_t room);

    base::Budget& budget_;
    Chunk* first_ = nullptr;  ///< the one being written, then older ones
    std::size_t charged_ = 0;
    std::size_t used_ = 0;  ///< of what is charged
    std::size_t step_ = 0;  ///< bytes to charge at least, because the budget is shared
    bool refused_ = false;

    // What was abandoned stays reachable, so that a leak checker sees no leak in it. Any thread.
    static Chunk* abandoned_;
    static std::mutex abandoned_mutex_;
};

}  // namespace capture::sink::kafka
