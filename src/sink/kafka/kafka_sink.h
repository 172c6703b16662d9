// The Kafka leaf: librdkafka, one producer per slot that some output uses. Contract 20 §6-9, §11.
//
// Submitting never blocks: records are enqueued in order, the first failure decides the group, and
// a full queue is an immediate failure. Reports come from one poll thread per producer;
// DeliveryCallbacks run there (or in submit(), when enqueueing failed). Budgets passed to open()
// must outlive the sink.
//
// Counts: capture_kafka_* and capture_events_ingested_total (one per positive report, also of
// records whose group had failed by then). Not counted here:
// capture_events_dropped_total{cause="kafka_message_size"}. Each group that ends with
// TooLargeAtSend or TooLargeAtAck stands for exactly one offending record; whoever owns that metric
// adds one.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "config/settings.h"
#include "sink/outputs.h"
#include "sink/sink.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace capture::sink {

struct KafkaOptions {
    std::chrono::milliseconds statistics_interval{10'000};
    std::chrono::milliseconds drain_limit{
        3'000};  ///< at the end, per producer: for the reports of purged records
    std::chrono::milliseconds destroy_limit{
        3'000};  ///< at the end, per producer: for librdkafka's own threads
    /// Topics named by restrictions that are kept (a handle and metric series each); records for
    /// further ones fail as Retryable.
    std::size_t max_custom_topics = 1'000;
};

class KafkaSink final : public Sink {
  public:
    /// Every 10 s per slot, from its poll thread, and after a successful probe(): whether at least
    /// one broker is connected (and the client has no fatal error). Feeds the lifecycle component
    /// `kafka-sink`, whose deadline judges the silence when no healthy report comes. May be empty.
    using HealthCallback = std::function<void(std::string_view slot, bool healthy)>;

    /// Creates the producers of the slots that wired outputs use; connects in the background. All
    /// that is wrong, one text per problem, each naming the slot and the variable. Registry, logger
    /// and clock must outlive the sink.
    static std::expected<std::unique_ptr<KafkaSink>, std::vector<std::string>> create(
        const OutputTable& outputs, const std::vector<config::ProducerSettings>& producers,
        telemetry::Registry& registry, telemetry::Logger& log, const base::Clock& clock,
        HealthCallback on_health, const KafkaOptions& options = {});
    /// Purges what is left (flush() first): every group that is not finished ends with Retryable.
    /// Bounded by the two limits of the options, whatever the brokers do.
    ~KafkaSink() override;

    struct ProbeResult {
        std::string slot;
        std::string error;  ///< empty = a broker answered
    };
    /// The boot probe: asks each producer's brokers for metadata, blocking, `limit` in all. Logs
    /// each result; what a failure means is the caller's business (at start: nothing, contract 20
    /// §7).
    std::vector<ProbeResult> probe(std::chrono::milliseconds limit);

    /// Null when no producer's queue has room for that many records: such a batch could only fail
    /// half-way, after all the work. (Upstream does the work and fails.) Counted as one produce
    /// error.
    RecordGroupPtr open(std::size_t records, base::Budget& budget) override;
    /// Sends without lingering from now on until it returns.
    bool flush(std::chrono::milliseconds limit) override;

  private:
    struct Impl;
    explicit KafkaSink(std::unique_ptr<Impl> impl);
    const std::unique_ptr<Impl> impl_;
};

}  // namespace capture::sink
