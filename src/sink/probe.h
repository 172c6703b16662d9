// Metrics of the sink room. Contract 20 §11, §16; 80 §13.4.
//
// Series with a `topic` or `broker` label carry `producer` as well as soon as there is more than
// one producer; then the
// *_per_slot declaration stands in for the plain one (never both in one registry).
#pragma once

#include "telemetry/metrics.h"

namespace capture::sink {

namespace metric {
using telemetry::MetricSpec;
using telemetry::MetricType;

inline constexpr MetricSpec kIngested{"capture_events_ingested_total", MetricType::Counter,
                                      "Records acknowledged by the sink"};
inline constexpr MetricSpec kProduceErrors{
    "capture_kafka_produce_errors_total", MetricType::Counter,
    "Records that could not be produced, for a reason that may pass"};
inline constexpr MetricSpec kEnqueueSeconds{
    "capture_kafka_batch_enqueue_duration_seconds",
    MetricType::Histogram,
    "Time to hand a request's records to the Kafka client, also on failure",
    {},
    telemetry::buckets::kFastSeconds};

/// A labelled metric in both forms.
struct SlotSpec {
    MetricSpec one;
    MetricSpec many;
    const MetricSpec& of(bool several_slots) const { return several_slots ? many : one; }
};
constexpr SlotSpec per_slot(const char* name, MetricType type, const char* help,
                            const char* label) {
    return {{name, type, help, {label}}, {name, type, help, {label, "producer"}}};
}

inline constexpr SlotSpec kProduceBytes =
    per_slot("capture_kafka_produce_bytes_total", MetricType::Counter,
             "Value bytes handed to the Kafka client", "topic");
inline constexpr SlotSpec kAckMillis{{"capture_kafka_produce_ack_duration_ms",
                                      MetricType::Histogram,
                                      "From enqueueing a record to its delivery report",
                                      {"outcome", "topic"},
                                      telemetry::buckets::kAckMillis},
                                     {"capture_kafka_produce_ack_duration_ms",
                                      MetricType::Histogram,
                                      "From enqueueing a record to its delivery report",
                                      {"outcome", "topic", "producer"},
                                      telemetry::buckets::kAckMillis}};

// From the client's statistics, every 10 s.
inline constexpr MetricSpec kAnyBrokersDown{"capture_kafka_any_brokers_down", MetricType::Gauge,
                                            "1 when a known broker is not connected"};
inline constexpr MetricSpec kCallbackQueueDepth{
    "capture_kafka_callback_queue_depth", MetricType::Gauge,
    "Events that the Kafka client holds for the application"};
inline constexpr MetricSpec kQueueDepth{"capture_kafka_producer_queue_depth", MetricType::Gauge,
                                        "Records in the producer queue"};
inline constexpr MetricSpec kQueueDepthLimit{"capture_kafka_producer_queue_depth_limit",
                                             MetricType::Gauge,
                                             "Records that the producer queue may hold"};
inline constexpr MetricSpec kQueueBytes{"capture_kafka_producer_queue_bytes", MetricType::Gauge,
                                        "Bytes in the producer queue"};
inline constexpr MetricSpec kQueueBytesLimit{"capture_kafka_producer_queue_bytes_limit",
                                             MetricType::Gauge,
                                             "Bytes that the producer queue may hold"};
inline constexpr SlotSpec kAvgBatchBytes =
    per_slot("capture_kafka_produce_avg_batch_size_bytes", MetricType::Gauge,
             "Average size of a message set", "topic");
inline constexpr SlotSpec kAvgBatchEvents =
    per_slot("capture_kafka_produce_avg_batch_size_events", MetricType::Gauge,
             "Average number of records in a message set", "topic");
inline constexpr SlotSpec kBrokerConnected =
    per_slot("capture_kafka_broker_connected", MetricType::Gauge, "1 when the broker is connected",
             "broker");
inline constexpr SlotSpec kRequestsPending =
    per_slot("capture_kafka_broker_requests_pending", MetricType::Gauge,
             "Requests waiting to be sent to the broker", "broker");
inline constexpr SlotSpec kResponsesAwaiting =
    per_slot("capture_kafka_broker_responses_awaiting", MetricType::Gauge,
             "Requests sent and not answered yet", "broker");
inline constexpr SlotSpec kTxErrors = per_slot(
    "capture_kafka_broker_tx_errors_total", MetricType::Counter, "Transmission errors", "broker");
inline constexpr SlotSpec kRxErrors = per_slot("capture_kafka_broker_rx_errors_total",
                                               MetricType::Counter, "Receive errors", "broker");
inline constexpr SlotSpec kRequestTimeouts =
    per_slot("capture_kafka_broker_request_timeouts", MetricType::Counter,
             "Requests that timed out", "broker");
constexpr SlotSpec latency(const char* name, const char* help) {
    return {{name, MetricType::Gauge, help, {"quantile", "broker"}},
            {name, MetricType::Gauge, help, {"quantile", "broker", "producer"}}};
}
inline constexpr SlotSpec kRtt =
    latency("capture_kafka_produce_rtt_latency_us", "Broker round trip, microseconds");
inline constexpr SlotSpec kIntLatency =
    latency("capture_kafka_produce_int_latency_us", "Time in the producer's queue, microseconds");
inline constexpr SlotSpec kOutbufLatency = latency(
    "capture_kafka_produce_outbuf_latency_us", "Time in the broker's output buffer, microseconds");

// The embedded store; ours.
inline constexpr MetricSpec kStoreCommitSeconds{
    "capture_store_commit_duration_seconds",
    MetricType::Histogram,
    "Time to write one group commit of the embedded store to disk",
    {},
    telemetry::buckets::kSeconds};
inline constexpr MetricSpec kStoreErrors{
    "capture_store_errors_total",
    MetricType::Counter,
    "Records that the embedded store refused or could not write",
    {"reason"}};
}  // namespace metric

/// What every sink counts.
struct Probe {
    explicit Probe(telemetry::Registry& r) : ingested(r.counter(metric::kIngested)) {}
    telemetry::Counter ingested;
};

struct KafkaProbe : Probe {
    KafkaProbe(telemetry::Registry& r, bool several)
        : Probe(r),
          several_slots(several),
          produce_errors(r.counter(metric::kProduceErrors)),
          enqueue_seconds(r.histogram(metric::kEnqueueSeconds)),
          produce_bytes(r.counters(metric::kProduceBytes.of(several))),
          ack_millis(r.histograms(metric::kAckMillis.of(several))) {}
    bool several_slots;
    telemetry::Counter produce_errors;
    telemetry::Histogram enqueue_seconds;
    telemetry::CounterFamily produce_bytes;
    telemetry::HistogramFamily ack_millis;
};

struct StatisticsProbe {
    StatisticsProbe(telemetry::Registry& r, bool several)
        : several_slots(several),
          any_brokers_down(r.gauge(metric::kAnyBrokersDown)),
          callback_queue_depth(r.gauge(metric::kCallbackQueueDepth)),
          queue_depth(r.gauge(metric::kQueueDepth)),
          queue_depth_limit(r.gauge(metric::kQueueDepthLimit)),
          queue_bytes(r.gauge(metric::kQueueBytes)),
          queue_bytes_limit(r.gauge(metric::kQueueBytesLimit)),
          avg_batch_bytes(r.gauges(metric::kAvgBatchBytes.of(several))),
          avg_batch_events(r.gauges(metric::kAvgBatchEvents.of(several))),
          broker_connected(r.gauges(metric::kBrokerConnected.of(several))),
          requests_pending(r.gauges(metric::kRequestsPending.of(several))),
          responses_awaiting(r.gauges(metric::kResponsesAwaiting.of(several))),
          tx_errors(r.counters(metric::kTxErrors.of(several))),
          rx_errors(r.counters(metric::kRxErrors.of(several))),
          request_timeouts(r.counters(metric::kRequestTimeouts.of(several))),
          rtt(r.gauges(metric::kRtt.of(several))),
          int_latency(r.gauges(metric::kIntLatency.of(several))),
          outbuf_latency(r.gauges(metric::kOutbufLatency.of(several))) {}
    bool several_slots;
    telemetry::Gauge any_brokers_down, callback_queue_depth;
    telemetry::Gauge queue_depth, queue_depth_limit, queue_bytes, queue_bytes_limit;
    telemetry::GaugeFamily avg_batch_bytes, avg_batch_events;
    telemetry::GaugeFamily broker_connected, requests_pending, responses_awaiting;
    telemetry::CounterFamily tx_errors, rx_errors, request_timeouts;
    telemetry::GaugeFamily rtt, int_latency, outbuf_latency;
};

struct StoreProbe : Probe {
    explicit StoreProbe(telemetry::Registry& r)
        : Probe(r),
          commit_seconds(r.histogram(metric::kStoreCommitSeconds)),
          queue_full(r.counters(metric::kStoreErrors).with({"queue_full"})),
          too_large(r.counters(metric::kStoreErrors).with({"too_large"})),
          unwired(r.counters(metric::kStoreErrors).with({"unwired"})),
          write_failed(r.counters(metric::kStoreErrors).with({"write_failed"})) {}
    telemetry::Histogram commit_seconds;
    telemetry::Counter queue_full, too_large, unwired, write_failed;
};

}  // namespace capture::sink
