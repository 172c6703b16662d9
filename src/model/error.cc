#include "model/error.h"

#include <array>
#include <cstddef>

namespace capture::model {
namespace {

constexpr std::array<ErrorInfo, static_cast<std::size_t>(Code::kCount)> kTable{{
    {Code::BadQuery, "bad_query", 400, "Failed to deserialize query string: {}", false},
    {Code::ReqDecoding, "req_decoding", 400, "failed to decode request: {}", false},
    {Code::ReqParsing, "req_parsing", 400, "failed to parse request: {}", false},
    {Code::ReqHydration, "req_hydration", 400, "failed to hydrate events from request: {}", false},
    {Code::EmptyBatch, "empty_batch", 400, "request holds no event", false},
    {Code::EmptyPayload, "empty_payload", 400, "request missing data payload", false},
    {Code::NoEventName, "no_event_name", 400, "event submitted with an empty event name", false},
    {Code::NoDistinctId, "no_distinct_id", 400, "event submitted without a distinct_id", false},
    {Code::InvalidCookieless, "invalid_cookieless", 400,
     "event submitted with invalid cookieless mode", false},
    {Code::NonAiEventOnAiLane, "non_ai_event_on_ai_lane", 400,
     "event {} is not an AI event; send it to the analytics endpoint", false},
    {Code::NonRetrySink, "non_retry_sink", 400, "invalid event could not be processed", false},
    {Code::NoToken, "no_token", 401, "event submitted without an api_key", false},
    {Code::MultipleTokens, "multiple_tokens", 401,
     "batch submitted with inconsistent api_key values", false},
    {Code::InvalidToken, "invalid_token", 401, "API key is not valid: {}", false},
    {Code::UnknownToken, "unknown_token", 401,
     "API key does not belong to any project. Check the project API key in your PostHog project "
     "settings",
     false},
    {Code::BodyReadTimeout, "body_read_timeout", 408, "client stopped sending data", true},
    {Code::OversizeEvent, "oversize_event", 413, "maximum event size exceeded: {}", false},
    {Code::AiEventTooBig, "ai_event_too_big", 413, "maximum AI event size exceeded: {}", false},
    {Code::RetryableSink, "retryable_sink", 503, "transient error, please retry", true},
    {Code::ServiceUnavailable, "service_unavailable", 503, "service unavailable: {}", true},
    {Code::InternalError, "internal_error", 500, "internal server error", true},
    {Code::NoSnapshot, "no_snapshot", 400, "replay event submitted without snapshot data", false},
    {Code::NoSessionId, "no_session_id", 400, "replay event submitted without session id", false},
    {Code::NoWindowId, "no_window_id", 400, "replay event submitted without window id", false},
    {Code::InvalidSession, "invalid_session", 400, "replay event has invalid session id", false},
}};

constexpr bool in_order() {
    for (std::size_t i = 0; i < kTable.size(); ++i) {
        if (static_cast<std::size_t>(kTable[i].code) != i) return false;
    }
    return true;
}
static_assert(in_order(), "one row per code, in the order of the enum");

}  // namespace

const ErrorInfo& info(Code code) {
    return kTable[static_cast<std::size_t>(code)];
}
std::span<const ErrorInfo> error_table() {
    return kTable;
}

std::string body_text(const Error& error) {
    std::string_view const text = info(error.code).text;
    std::size_t const hole = text.find("{}");
    if (hole == std::string_view::npos) return std::string(text);
    std::string body(text.substr(0, hole));
    body += error.detail;
    body += text.substr(hole + 2);
    return body;
}

}  // namespace capture::model
