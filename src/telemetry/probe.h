// The metrics of the process's life. Contract 80 §3.12, §7, §13.10. `service_name` is always
// `capture`.
#pragma once

#include "telemetry/metrics.h"

namespace capture::telemetry {

inline constexpr MetricSpec kShutdownInitiated{
    "lifecycle_shutdown_initiated_total",
    MetricType::Counter,
    "Shutdowns begun, by what asked for them (signal, failure, died, requested)",
    {"service_name", "trigger_component", "trigger_reason"}};
inline constexpr MetricSpec kShutdownCompleted{
    "lifecycle_shutdown_completed_total",
    MetricType::Counter,
    "Shutdowns ended; clean is true when every component completed in time",
    {"service_name", "clean"}};
inline constexpr MetricSpec kComponentShutdownSeconds{
    "lifecycle_component_shutdown_duration_seconds",
    MetricType::Histogram,
    "From the begin of the shutdown to the component's end",
    {"service_name", "component", "result"},
    buckets::kSeconds};
inline constexpr MetricSpec kComponentShutdownResult{
    "lifecycle_component_shutdown_result_total",
    MetricType::Counter,
    "How components ended: completed, timeout or died",
    {"service_name", "component", "result"}};
inline constexpr MetricSpec kComponentHealthy{
    "lifecycle_component_healthy",
    MetricType::Gauge,
    "1 while the component reports within its deadline; absent until its first report",
    {"service_name", "component"}};

/// Contract 80 §3.12.
inline constexpr MetricSpec kEmergencyFallback{
    "capture_emergency_kafka_fallback_active", MetricType::Gauge,
    "1 while the emergency switch sends records to the backup brokers"};

struct Probe {
    explicit Probe(Registry& r)
        : shutdown_initiated(r.counters(kShutdownInitiated)),
          shutdown_completed(r.counters(kShutdownCompleted)),
          component_shutdown_seconds(r.histograms(kComponentShutdownSeconds)),
          component_shutdown_result(r.counters(kComponentShutdownResult)),
          component_healthy(r.gauges(kComponentHealthy)),
          emergency_fallback(r.gauge(kEmergencyFallback)) {}

    CounterFamily shutdown_initiated;
    CounterFamily shutdown_completed;
    HistogramFamily component_shutdown_seconds;
    CounterFamily component_shutdown_result;
    GaugeFamily component_healthy;
    Gauge emergency_fallback;
};

}  // namespace capture::telemetry
