// The metrics of this room. Contract 10 §14.
#pragma once

#include <array>

#include "telemetry/metrics.h"

namespace capture::parse {

using telemetry::MetricSpec;
using telemetry::MetricType;

inline constexpr MetricSpec kDistinctIdWhitespace{
    "capture_distinct_id_has_whitespace_total", MetricType::Counter,
    "Events whose distinct_id has leading or trailing white space."};
inline constexpr MetricSpec kClockSkew{
    "capture_client_clock_skew_seconds",
    MetricType::Histogram,
    "Absolute difference between sent_at and the server's clock, where it corrected a timestamp.",
    {},
    telemetry::buckets::kSkew};
inline constexpr MetricSpec kTimestampPath{"capture_timestamp_path_total",
                                           MetricType::Counter,
                                           "Events by what their timestamp was computed from.",
                                           {"ts_path"}};
inline constexpr MetricSpec kStoredVersusClient{
    "capture_stored_vs_client_capture_seconds",
    MetricType::Histogram,
    "Gap between the computed timestamp and the time in the client's version 7 uuid.",
    {"ts_path", "direction"},
    telemetry::buckets::kDisplacement};
inline constexpr MetricSpec kRerouted{"capture_events_rerouted_historical",
                                      MetricType::Counter,
                                      "Events moved to the historical lane.",
                                      {"reason"}};
inline constexpr MetricSpec kHeatmapRedirects{"capture_heatmap_redirects_created",
                                              MetricType::Counter,
                                              "Synthetic $$heatmap events split off from others."};

/// What an event's timestamp was computed from: label `ts_path`.
enum class TimestampPath : std::uint8_t { Offset, SentAtSkew, TimestampRaw, NowFallback, kCount };
inline constexpr std::size_t kTimestampPathCount = static_cast<std::size_t>(TimestampPath::kCount);
inline constexpr std::array<const char*, kTimestampPathCount> kTimestampPaths{
    "offset", "sent_at_skew", "timestamp_raw", "now_fallback"};

struct Probe {
    explicit Probe(telemetry::Registry& registry)
        : distinct_id_whitespace(registry.counter(kDistinctIdWhitespace)),
          clock_skew(registry.histogram(kClockSkew)),
          rerouted(registry.counters(kRerouted).with({"timestamp"})),
          heatmap_redirects(registry.counter(kHeatmapRedirects)) {
        auto const paths = registry.counters(kTimestampPath);
        auto const gaps = registry.histograms(kStoredVersusClient);
        for (std::size_t i = 0; i < kTimestampPathCount; ++i) {
            timestamp_path[i] = paths.with({kTimestampPaths[i]});
            stored_earlier[i] = gaps.with({kTimestampPaths[i], "stored_earlier"});
            stored_later[i] = gaps.with({kTimestampPaths[i], "stored_later"});
        }
    }

    telemetry::Counter distinct_id_whitespace;
    telemetry::Histogram clock_skew;
    telemetry::Counter rerouted;
    telemetry::Counter heatmap_redirects;
    // By TimestampPath.
    std::array<telemetry::Counter, kTimestampPathCount> timestamp_path;
    std::array<telemetry::Histogram, kTimestampPathCount> stored_earlier;
    std::array<telemetry::Histogram, kTimestampPathCount> stored_later;
};

}  // namespace capture::parse
