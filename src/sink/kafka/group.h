// A request's records until they are submitted. Inside sink/kafka only.
//
// Life: one thread at a time fills the group and submits it, which hands the records to librdkafka,
// leaves what their reports need in a flight, and frees the group.
#pragma once

#include <absl/container/inlined_vector.h>

#include <cstddef>

#include "sink/kafka/context.h"
#include "sink/kafka/flight.h"
#include "sink/kafka/topic.h"
#include "sink/kafka/value_memory.h"
#include "sink/sink.h"

struct rd_kafka_headers_s;

namespace capture::sink::kafka {

/// One record that is not enqueued yet.
struct Record {
    Topic* topic = nullptr;
    char* value = nullptr;  ///< value, then key; in the group's memory
    std::size_t value_size = 0;
    std::ptrdiff_t key_size = -1;           ///< -1 = null key
    rd_kafka_headers_s* headers = nullptr;  ///< librdkafka's after a successful enqueue
    bool topic_refused = false;             ///< the cap on custom topics

    const char* key() const { return key_size < 0 ? nullptr : value + value_size; }
    std::size_t key_bytes() const { return key_size < 0 ? 0 : static_cast<std::size_t>(key_size); }
};

class Group final : public RecordGroup {
  public:
    Group(Context& context, std::size_t records, base::Budget& budget);
    ~Group() override;

    base::ByteWriter& begin(const model::Destination& destination, std::size_t size_hint) override;
    bool commit(std::optional<std::string_view> key,
                std::span<const model::RecordHeader> headers) override;
    void submit(DeliveryCallback done) override;

  private:
    void announce(std::size_t first, std::size_t last, bool add);
    bool starts_run(std::size_t index) const;
    std::size_t count_runs() const;
    /// Enqueues all records, from `now` on, until one fails: why.
    void enqueue_all(Flight& flight, SteadyTime now, model::DeliveryOutcome& failure);
    bool enqueue(const Record& record, Run& run, model::DeliveryOutcome& failure);
    model::DeliveryOutcome refuse(const Record& record);

    Context& context_;
    const std::size_t expected_;  ///< records
    ValueMemory memory_;
    Record open_;
    absl::InlinedVector<Record, 1> records_;
    std::size_t enqueued_ = 0;  ///< of records_, from the first
};

}  // namespace capture::sink::kafka
