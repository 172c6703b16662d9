// Metrics of the route room. Contract 20 §16.
#pragma once

#include "telemetry/metrics.h"

namespace capture::route {

inline constexpr telemetry::MetricSpec kReroutedDlq{"capture_events_rerouted_dlq",
                                                    telemetry::MetricType::Counter,
                                                    "Events sent to a dead-letter topic",
                                                    {"reason"}};
inline constexpr telemetry::MetricSpec kReroutedCustom{
    "capture_events_rerouted_custom_topic",
    telemetry::MetricType::Counter,
    "Events sent to a topic named by a restriction",
    {"reason"}};

struct Probe {
    explicit Probe(telemetry::Registry& registry)
        : dlq_restriction(registry.counters(kReroutedDlq).with({"event_restriction"})),
          dlq_unbacked(registry.counters(kReroutedDlq).with({"unbacked_lane"})),
          custom_topic(registry.counters(kReroutedCustom).with({"event_restriction"})) {}

    telemetry::Counter dlq_restriction;
    telemetry::Counter dlq_unbacked;
    telemetry::Counter custom_topic;
};

}  // namespace capture::route
