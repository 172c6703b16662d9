#include "route/lane.h"

namespace capture::route {
namespace {

using model::Destination;
using model::Event;
using model::EventKind;
using model::KeyKind;
using model::Output;
using model::OverflowReason;

constexpr const char* kRestriction = "event_restriction";
constexpr const char* kUnbacked = "unbacked_lane";

Output dlq_of(const Event& event, const LaneRules& rules) {
    Output own = Output::Dlq;
    switch (model::pipeline_of(event.kind)) {
        case model::Pipeline::Analytics:
            own = Output::AnalyticsDlq;
            break;
        case model::Pipeline::Ai:
            own = Output::AiDlq;
            break;
        case model::Pipeline::ErrorTracking:
            own = Output::ErrorTrackingDlq;
            break;
        case model::Pipeline::Heatmaps:
            own = Output::HeatmapsDlq;
            break;
        case model::Pipeline::ClientWarnings:
            own = Output::ClientWarningsDlq;
            break;
        case model::Pipeline::SessionReplay:
            own = Output::SessionReplayDlq;
            break;
    }
    return rules.has(own) ? own : Output::Dlq;
}

KeyKind key_unless_person_off(const Event& event) {
    return event.stamps.person_processing_off ? KeyKind::Null : KeyKind::Event;
}

/// Rows 4-6 and 8-11: what an overflow stamp means for a lane that has an overflow output. Nothing
/// when the event stays on its main lane.
std::optional<Destination> overflow(const Event& event, Output output, const LaneRules& rules) {
    if (event.stamps.force_overflow)
        return Destination{.output = output, .key = key_unless_person_off(event)};
    switch (event.stamps.overflow) {
        case OverflowReason::ForcedKey:
            return Destination{
                .output = output, .key = KeyKind::Null, .person_processing_off = true};
        case OverflowReason::RateLimited:
            return Destination{
                .output = output,
                .key = rules.preserve_locality ? key_unless_person_off(event) : KeyKind::Null};
        case OverflowReason::GlobalRateLimit:
            return Destination{.output = output, .key = KeyKind::Null};
        case OverflowReason::None:
        case OverflowReason::ReplayLimited:
            break;
    }
    return std::nullopt;
}

model::Result<Destination> lane_of(const Event& event, const LaneRules& rules) {
    switch (event.kind) {
        case EventKind::AnalyticsHistorical:
            return Destination{.output = Output::AnalyticsHistorical};
        case EventKind::AnalyticsMain:
            if (auto const diverted = overflow(event, Output::AnalyticsOverflow, rules))
                return *diverted;
            return Destination{.output = Output::AnalyticsMain,
                               .key = key_unless_person_off(event)};
        case EventKind::Ai:
            if (rules.has(Output::AiOverflow)) {
                if (auto const diverted = overflow(event, Output::AiOverflow, rules))
                    return *diverted;
            }
            return Destination{.output = Output::AiMain};
        case EventKind::Exception:
            // Only the operator's own decisions divert exceptions, never a bucket.
            if (rules.has(Output::ErrorTrackingOverflow) &&
                (event.stamps.force_overflow ||
                 event.stamps.overflow == OverflowReason::ForcedKey)) {
                return *overflow(event, Output::ErrorTrackingOverflow, rules);
            }
            return Destination{.output = Output::ErrorTracking};
        case EventKind::Heatmap:
            return Destination{.output = Output::Heatmaps};
        case EventKind::ClientWarning:
            return Destination{.output = Output::ClientWarnings};
        case EventKind::Snapshot:
            break;
    }
    if (!event.session_id) return model::fail(model::Code::NoSessionId);
    bool const limited =
        event.stamps.force_overflow || event.stamps.overflow == OverflowReason::ReplayLimited;
    return Destination{
        .output = limited ? Output::SessionReplayOverflow : Output::SessionReplayMain,
        .key = KeyKind::SessionId};
}

Destination dead_letter(const Event& event, const LaneRules& rules, const char* reason) {
    return {.output = dlq_of(event, rules), .dlq = true, .dlq_reason = reason};
}

model::Result<Destination> diverted_or_lane(const Event& event, const LaneRules& rules) {
    if (event.stamps.dlq) return dead_letter(event, rules, kRestriction);
    if (auto const topic = event.stamps.custom_topic; !topic.empty())
        return Destination{.output = Output::Custom, .custom_topic = topic};
    auto lane = lane_of(event, rules);
    if (lane && !rules.has(lane->output)) *lane = dead_letter(event, rules, kUnbacked);
    return lane;
}

}  // namespace

model::Result<Destination> choose_lane(const Event& event, const LaneRules& rules) {
    auto chosen = diverted_or_lane(event, rules);
    if (!chosen) return chosen;
    if (event.stamps.person_processing_off) chosen->person_processing_off = true;
    chosen->lz4 = rules.replay_lz4 && event.kind == EventKind::Snapshot;
    return chosen;
}

}  // namespace capture::route
