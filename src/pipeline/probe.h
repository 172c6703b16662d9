// Metrics of the pipeline. Contract 10 §14, 20 §16, 80 §13.11.
#pragma once

#include <array>

#include "model/drop_reason.h"
#include "model/error.h"
#include "telemetry/metrics.h"

namespace capture::pipeline {

inline constexpr telemetry::MetricSpec kReceived{
    "capture_events_received_total", telemetry::MetricType::Counter,
    "Events parsed from accepted payloads, before quotas and other filters"};
inline constexpr telemetry::MetricSpec kDropped{"capture_events_dropped_total",
                                                telemetry::MetricType::Counter,
                                                "Events that are not produced, by cause",
                                                {"cause"}};
inline constexpr telemetry::MetricSpec kErrors{"capture_error_by_stage_and_type",
                                               telemetry::MetricType::Counter,
                                               "Failed requests by error and stage",
                                               {"error", "stage"}};
inline constexpr telemetry::MetricSpec kBatchSize{"capture_event_batch_size",
                                                  telemetry::MetricType::Histogram,
                                                  "Records handed to the sink per request",
                                                  {},
                                                  telemetry::buckets::kBatch};
inline constexpr telemetry::MetricSpec kPrepDuration{"capture_kafka_batch_prep_duration_seconds",
                                                     telemetry::MetricType::Histogram,
                                                     "Time to route and write a request's records",
                                                     {},
                                                     telemetry::buckets::kFastSeconds};
inline constexpr telemetry::MetricSpec kBlackHoleSeen{
    "capture_test_request_seen", telemetry::MetricType::Counter, "Requests to /test/black_hole"};
inline constexpr telemetry::MetricSpec kBlackHoleOutcome{"capture_test_request_outcome",
                                                         telemetry::MetricType::Counter,
                                                         "Refused requests to /test/black_hole",
                                                         {"outcome", "reason"}};

// The warnings that this service sends; contract 80 §13.11.
inline constexpr const char* kSource = "capture";  ///< label `source`: consumers have others
inline constexpr telemetry::MetricSpec kWarnings{"ingestion_warnings_total",
                                                 telemetry::MetricType::Counter,
                                                 "Ingestion warnings by what became of them",
                                                 {"type", "source", "path", "outcome"}};
inline constexpr telemetry::MetricSpec kWarningErrors{
    "ingestion_warnings_delivery_errors_total",
    telemetry::MetricType::Counter,
    "Ingestion warnings that Kafka did not take, by why",
    {"source", "path", "error"}};
inline constexpr telemetry::MetricSpec kWarningKeys{
    "ingestion_warnings_throttle_keys", telemetry::MetricType::Gauge,
    "Pairs of token and type that have warned within the hour, every 60 s"};
inline constexpr telemetry::MetricSpec kWarningsEnabled{
    "ingestion_warnings_emitter_enabled",
    telemetry::MetricType::Gauge,
    "1 when ingestion warnings are sent, 0 when they are wanted and cannot be; absent when off",
    {"reason"}};

enum class Stage : std::uint8_t { Parsing, Processing };

struct Probe {
    explicit Probe(telemetry::Registry& registry);

    void error(model::Code code, Stage stage) const {
        errors_[static_cast<std::size_t>(stage)][static_cast<std::size_t>(code)].add();
    }
    /// A failure before producing takes the whole request: its tag is the cause.
    void dropped(model::Code code, std::size_t events) const {
        by_code_[static_cast<std::size_t>(code)].add(static_cast<double>(events));
    }
    void dropped(model::DropReason reason, std::size_t events) const {
        by_reason_[static_cast<std::size_t>(reason)].add(static_cast<double>(events));
    }

    telemetry::Counter received;
    telemetry::Counter dropped_too_big;     ///< decompressed payload over the cap, one per request
    telemetry::Counter dropped_kafka_size;  ///< one record that Kafka cannot take
    telemetry::Histogram batch_size;
    telemetry::Histogram prep_duration;
    telemetry::Counter black_hole_seen;
    /// One failed request to the black hole.
    void black_hole_failed(model::Code code) const {
        black_hole_failures_[static_cast<std::size_t>(code)].add();
    }

  private:
    static constexpr auto kCodes = static_cast<std::size_t>(model::Code::kCount);
    std::array<std::array<telemetry::Counter, kCodes>, 2> errors_;
    std::array<telemetry::Counter, kCodes> by_code_;
    std::array<telemetry::Counter, kCodes> black_hole_failures_;
    std::array<telemetry::Counter, static_cast<std::size_t>(model::DropReason::kCount)> by_reason_;
};

/// Made only where warnings are wanted: a deployment without them shows none of these.
struct WarningsProbe {
    explicit WarningsProbe(telemetry::Registry& r)
        : warnings(r.counters(kWarnings)),
          delivery_errors(r.counters(kWarningErrors)),
          throttle_keys(r.gauge(kWarningKeys)),
          enabled(r.gauges(kWarningsEnabled)) {}
    telemetry::CounterFamily warnings;
    telemetry::CounterFamily delivery_errors;
    telemetry::Gauge throttle_keys;
    telemetry::GaugeFamily enabled;
};

}  // namespace capture::pipeline
