// Why an event was taken and then deliberately not produced: the label `cause` of
// capture_events_dropped_total and the ledger's dropped(reason). Declared once, here. Contract 10
// §14, 80 §14.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace capture::model {

enum class DropReason : std::uint8_t {
    EventsOverQuota,
    ExceptionsOverQuota,
    LlmEventsOverQuota,
    MobileRecordingsOverQuota,
    RecordingsOverQuota,
    SurveyResponsesOverQuota,
    NonHistoricalImport,
    TokenDropper,
    EventRestriction,
    AiByteRateLimited,
    kCount,
};

inline constexpr std::array<const char*, static_cast<std::size_t>(DropReason::kCount)> kDropCauses{
    "events_over_quota",      "exceptions_over_quota",
    "llm_events_over_quota",  "mobile_recordings_over_quota",
    "recordings_over_quota",  "survey_responses_over_quota",
    "non_historical_import",  "token_dropper",
    "event_restriction_drop", "ai_byte_rate_limited",
};

inline const char* cause(DropReason reason) {
    return kDropCauses[static_cast<std::size_t>(reason)];
}

}  // namespace capture::model
