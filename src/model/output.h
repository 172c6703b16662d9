// The named outputs: lanes that a record can leave by. Topic and producer slot of each come from
// the configuration. Contract 20 §4, §6.1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace capture::model {

enum class Output : std::uint8_t {
    AnalyticsMain,
    AnalyticsOverflow,
    AnalyticsHistorical,
    SessionReplayMain,
    SessionReplayOverflow,
    Heatmaps,
    ClientWarnings,
    ErrorTracking,
    ErrorTrackingOverflow,
    AiMain,
    AiOverflow,
    Dlq,
    AnalyticsDlq,
    AiDlq,
    ErrorTrackingDlq,
    HeatmapsDlq,
    ClientWarningsDlq,
    SessionReplayDlq,
    Custom,  ///< topic named by a restriction
    kCount,
};

inline constexpr std::size_t kOutputCount = static_cast<std::size_t>(Output::kCount);

/// `<OUTPUT>` of CAPTURE_OUTPUT_<OUTPUT>_TOPIC and _PRODUCER.
inline constexpr std::array<const char*, kOutputCount> kOutputNames{
    "ANALYTICS_MAIN",
    "ANALYTICS_OVERFLOW",
    "ANALYTICS_HISTORICAL",
    "SESSION_REPLAY_MAIN",
    "SESSION_REPLAY_OVERFLOW",
    "HEATMAPS",
    "CLIENT_WARNINGS",
    "ERROR_TRACKING",
    "ERROR_TRACKING_OVERFLOW",
    "AI_MAIN",
    "AI_OVERFLOW",
    "DLQ",
    "ANALYTICS_DLQ",
    "AI_DLQ",
    "ERROR_TRACKING_DLQ",
    "HEATMAPS_DLQ",
    "CLIENT_WARNINGS_DLQ",
    "SESSION_REPLAY_DLQ",
    "CUSTOM",
};

inline const char* name(Output output) {
    return kOutputNames[static_cast<std::size_t>(output)];
}

}  // namespace capture::model
