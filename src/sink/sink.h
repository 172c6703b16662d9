// Where records go. Sinks form a tree: leaves (kafka, store, print, noop) and, around them, sinks
// that choose.
//
// A request's records are one group. The sink owns the memory that values are written into: begin()
// hands out the place, commit() completes the record, submit() sends all of them in order.
// Destroying a group that was not submitted sends nothing. Contract 20 §8-9.
//
// A sink that chooses (failover, split) is a Sink that holds other Sinks, and its groups hold
// theirs:
// - A split decides per record: its group opens one inner group per child when the first record for
//   that child begins, forwards begin() and commit(), submits all of them, and reports the first
//   failure once every child has reported.
// - A failover decides per group: it forwards to the preferred child while that is healthy. To send
//   the records again it needs them again, and an inner group gives none back; so it writes into
//   its own memory and copies into the child's groups, which costs one copy and only where it is
//   wired.
// Callbacks may come from any thread, also from inside submit().
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/budget.h"
#include "base/byte_writer.h"
#include "model/record.h"

namespace capture::sink {

/// Called exactly once per submitted group, from any thread, with the group's result: Delivered
/// after every record is durable, else the first failure (other records may still be delivered).
/// Copyable; must not throw.
using DeliveryCallback = std::function<void(model::DeliveryOutcome)>;

class RecordGroup {
  public:
    virtual ~RecordGroup() = default;

    /// Starts a record and returns where its value goes, valid until commit(). `size_hint` bytes
    /// are expected.
    virtual base::ByteWriter& begin(const model::Destination& destination,
                                    std::size_t size_hint) = 0;
    /// Completes the record: key (nothing = null key) and headers are copied. False when the budget
    /// refused the record's memory; the group is useless then.
    [[nodiscard]] virtual bool commit(std::optional<std::string_view> key,
                                      std::span<const model::RecordHeader> headers) = 0;
    /// Sends the records in order. Consumes the group: the caller drops its pointer, and the group
    /// frees itself.
    virtual void submit(DeliveryCallback done) = 0;
};

/// Frees a group that was never submitted; after submit() call release() first.
using RecordGroupPtr = std::unique_ptr<RecordGroup>;

class Sink {
  public:
    virtual ~Sink() = default;

    /// A group for one request with about `records` records; their memory is charged to `budget`
    /// until delivered. Null when the sink cannot take that many now (answered as Retryable).
    virtual RecordGroupPtr open(std::size_t records, base::Budget& budget) = 0;
    /// Waits until everything submitted has been reported, at most `limit`. False when something
    /// was left.
    virtual bool flush(std::chrono::milliseconds limit) = 0;
};

/// Submits and gives up ownership.
inline void submit(RecordGroupPtr group, DeliveryCallback done) {
    group.release()->submit(std::move(done));
}

}  // namespace capture::sink
