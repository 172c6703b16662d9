// What is kept of a request's records while librdkafka has them: their values, and what their
// delivery reports need. Inside sink/kafka only.
//
// Thousands of flights are in the air at a time, and every one has left the caches when its reports
// come: so it is small, two cache lines, and most need nothing beside it but their values.
//
// Life: the thread that submits a group starts a flight; then it belongs to its reports. They come
// from the poll threads of the producers involved (several at once when the group spans slots), so
// what they share is atomic. Whoever gets the last report, or ends the submission if that is later,
// lands the flight and gives it back.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "sink/kafka/topic.h"
#include "sink/kafka/value_memory.h"
#include "sink/sink.h"

namespace capture::sink::kafka {

class Flight;
struct Context;
using SteadyTime = std::chrono::steady_clock::time_point;

/// Consecutive records of a group that were enqueued for one topic and, as far as the clock was
/// read, at one time. Its address is the opaque pointer of their messages in librdkafka.
struct Run {
    Flight* flight = nullptr;
    Topic* topic = nullptr;
    SteadyTime enqueued_at{};
    std::uint32_t enqueued = 0;  ///< records; the submitting thread's
    std::uint32_t reported = 0;  ///< of them; the topic's poll thread's
};

class alignas(64) Flight {
  public:
    /// At most `runs` runs of `records` records will be added.
    void start(std::size_t records, std::size_t runs, Chunks chunks, DeliveryCallback done);
    /// Valid until all of the group is done.
    Run& add_run(Topic& topic, SteadyTime now);

    bool settled() const { return settled_.load(std::memory_order_relaxed); }
    /// Tells the group's result, unless one has been told.
    void settle(model::DeliveryOutcome outcome);
    /// `count` of the records, or the submission, which counts as one, are done. True for who is
    /// the last; nobody else may touch the flight then.
    [[nodiscard]] bool done(std::size_t count);
    /// All is done: gives back the charge, then tells that the records are delivered.
    void land();
    /// The remaining reports will never come: ends the group with Retryable, and leaves its values
    /// to the client, which may still be at work on them.
    void cancel(Context& context);

    bool in_the_air() const { return remaining_.load(std::memory_order_relaxed) > 0; }
    /// Takes out the memory.
    void move_to(std::vector<Block>& blocks);

  private:
    Run& run(std::size_t index) { return index == 0 ? first_run_ : more_runs_[index - 1]; }

    Run first_run_;
    std::atomic<std::uint32_t> remaining_{0};  ///< records, and one for the submission itself
    std::atomic<bool> settled_{false};
    std::uint32_t runs_ = 0;
    DeliveryCallback done_;
    Chunks chunks_;
    std::unique_ptr<Run[]> more_runs_;  ///< null where one run is enough
};
static_assert(sizeof(Flight) == 128);

/// All flights of a sink, so that none is forgotten when the sink goes. Their memory is used again
/// and stays until then: as much as was in the air at once, which the producers' queues limit.
class alignas(64) Flights {
  public:
    Flight& take();
    /// Flights that have landed; many at a time cost one lock.
    void give_back(std::span<Flight* const> landed);
    /// Cancels what is in the air; call it only when no report can come any more.
    void cancel_all(Context& context);

  private:
    static constexpr std::size_t kSlab = 64;
    using Slab = std::unique_ptr<Flight[]>;

    std::mutex mutex_;  ///< guards both
    std::vector<Slab> slabs_;
    std::vector<Flight*> idle_;
};

}  // namespace capture::sink::kafka
