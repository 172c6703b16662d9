// A request's records on their way through librdkafka, and what their delivery reports do. Inside
// sink/kafka only.
//
// Life: the request's worker fills the group and submits it; then the group belongs to its reports.
// Reports come from the poll threads of the producers involved (several at once when the group
// spans slots), so what they share is atomic. The last report, or the end of the submission if that
// is later, frees the group.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "sink/kafka/topic.h"
#include "sink/kafka/value_memory.h"
#include "sink/sink.h"
#include "telemetry/log.h"
#include "telemetry/rate_limited.h"

struct rd_kafka_headers_s;

namespace capture::sink::kafka {

class Group;
using SteadyTime = std::chrono::steady_clock::time_point;

/// One record. Its address is the message's opaque pointer in librdkafka.
struct Record {
    Group* group = nullptr;
    Topic* topic = nullptr;
    char* value = nullptr;  ///< value, then key; in the group's memory
    std::size_t value_size = 0;
    std::ptrdiff_t key_size = -1;           ///< -1 = null key
    rd_kafka_headers_s* headers = nullptr;  ///< librdkafka's after a successful enqueue
    SteadyTime enqueued_at{};
    bool in_flight = false;      ///< enqueued and not reported yet
    bool topic_refused = false;  ///< the cap on custom topics

    const char* key() const { return key_size < 0 ? nullptr : value + value_size; }
    std::size_t key_bytes() const { return key_size < 0 ? 0 : static_cast<std::size_t>(key_size); }
};

/// Every submitted group that is not finished, so that none is forgotten when the sink goes.
/// Sharded: one lock per submission and one per completion, rarely the same one.
class GroupList {
  public:
    void link(Group& group);
    void unlink(Group& group);
    /// The groups that are left; call it only when no report can come any more.
    std::vector<Group*> take_all();

  private:
    struct Shard {
        std::mutex mutex;
        Group* first = nullptr;
    };
    Shard& shard_of(const Group& group);
    std::array<Shard, 16> shards_;
};

/// What the groups of one sink share.
struct Context {
    Context(telemetry::Registry& registry, bool several_slots, telemetry::Logger& logger,
            const base::Clock& the_clock)
        : probe(registry, several_slots), log(logger), clock(the_clock) {}

    /// Logs at most one failure per second, with the number of those not logged.
    void log_failure(const char* what, std::string_view topic, std::string_view error);

    const KafkaProbe probe;
    telemetry::Logger& log;
    const base::Clock& clock;
    TopicTable* topics = nullptr;
    GroupList groups;

  private:
    telemetry::RateLimited brake_{1, std::chrono::seconds(1)};
};

class Group final : public RecordGroup {
  public:
    Group(Context& context, std::size_t records, base::Budget& budget);
    ~Group() override;

    base::ByteWriter& begin(const model::Destination& destination, std::size_t size_hint) override;
    bool commit(std::optional<std::string_view> key,
                std::span<const model::RecordHeader> headers) override;
    void submit(DeliveryCallback done) override;

    /// The sink goes and this group's remaining reports will never come: ends it with Retryable and
    /// frees it.
    void cancel();

  private:
    friend class GroupList;
    friend class ReportBatch;

    void announce(std::size_t first, std::size_t last, bool add);
    /// Enqueues all records, from `now` on; the index of the first that failed, and why.
    std::size_t enqueue_all(SteadyTime now, model::DeliveryOutcome& failure);
    bool enqueue(Record& record, model::DeliveryOutcome& failure);
    void release(Record& record);
    void settle(model::DeliveryOutcome outcome);
    /// `count` of what remaining_ counts is done; frees the group with the last.
    void finish(std::size_t count);

    Context& context_;
    const std::size_t expected_;  ///< records
    ValueMemory memory_;
    Record open_;
    std::vector<Record> records_;

    DeliveryCallback done_;
    std::atomic<std::size_t> remaining_{
        0};  ///< records in flight, and one for the submission itself
    std::atomic<bool> settled_{false};
    Group* next_ = nullptr;  ///< GroupList
    Group* previous_ = nullptr;
};

/// Applies the delivery reports of one event of one poll thread: counts what it can at once.
class ReportBatch {
  public:
    ReportBatch(Context& context, SteadyTime now) : context_(context), now_(now) {}
    ~ReportBatch() { flush(); }
    ReportBatch(const ReportBatch&) = delete;
    ReportBatch& operator=(const ReportBatch&) = delete;

    /// `error` is an rd_kafka_resp_err_t.
    void add(Record& record, int error);

  private:
    void flush();
    Context& context_;
    const SteadyTime now_;
    std::size_t ingested_ = 0;
    std::size_t errors_ = 0;
};

}  // namespace capture::sink::kafka
