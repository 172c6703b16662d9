#include "route/lane.h"

#include <gtest/gtest.h>

namespace capture::route {
namespace {

using model::Destination;
using model::Event;
using model::EventKind;
using model::KeyKind;
using model::Output;
using model::OverflowReason;

LaneRules everything() {
    LaneRules rules;
    rules.wired.set();
    return rules;
}

LaneRules without(std::initializer_list<Output> outputs) {
    LaneRules rules = everything();
    for (Output const output : outputs)
        rules.wired.reset(static_cast<std::size_t>(output));
    return rules;
}

/// One row of contract 20 §4.2: what is stamped, where it goes.
struct Row {
    const char* what;
    EventKind kind;
    bool force_overflow;
    OverflowReason reason;
    bool person_off;
    bool locality;
    Output output;
    KeyKind key;
    bool header;
};

constexpr auto kNone = OverflowReason::None;
constexpr auto kForced = OverflowReason::ForcedKey;
constexpr auto kBucket = OverflowReason::RateLimited;
constexpr auto kGlobal = OverflowReason::GlobalRateLimit;

// clang-format off
const Row kRows[] = {
    {"3 historical ignores overflow and person-off keeps the key", EventKind::AnalyticsHistorical, true, kForced, true, false, Output::AnalyticsHistorical, KeyKind::Event, true},
    {"4 force overflow", EventKind::AnalyticsMain, true, kNone, false, false, Output::AnalyticsOverflow, KeyKind::Event, false},
    {"4 force overflow, person off", EventKind::AnalyticsMain, true, kNone, true, false, Output::AnalyticsOverflow, KeyKind::Null, true},
    {"5 forced key", EventKind::AnalyticsMain, false, kForced, false, false, Output::AnalyticsOverflow, KeyKind::Null, true},
    {"5 global rate limit", EventKind::AnalyticsMain, false, kGlobal, true, true, Output::AnalyticsOverflow, KeyKind::Null, true},
    {"6 rate limited", EventKind::AnalyticsMain, false, kBucket, false, false, Output::AnalyticsOverflow, KeyKind::Null, false},
    {"6 rate limited, locality", EventKind::AnalyticsMain, false, kBucket, false, true, Output::AnalyticsOverflow, KeyKind::Event, false},
    {"6 rate limited, locality, person off", EventKind::AnalyticsMain, false, kBucket, true, true, Output::AnalyticsOverflow, KeyKind::Null, true},
    {"7 main", EventKind::AnalyticsMain, false, kNone, false, false, Output::AnalyticsMain, KeyKind::Event, false},
    {"7 main, person off", EventKind::AnalyticsMain, false, kNone, true, false, Output::AnalyticsMain, KeyKind::Null, true},
    {"8 AI force overflow", EventKind::Ai, true, kNone, false, false, Output::AiOverflow, KeyKind::Event, false},
    {"8 AI force overflow, person off", EventKind::Ai, true, kNone, true, false, Output::AiOverflow, KeyKind::Null, true},
    {"9 AI forced key", EventKind::Ai, false, kForced, false, false, Output::AiOverflow, KeyKind::Null, true},
    {"10 AI rate limited, locality", EventKind::Ai, false, kBucket, false, true, Output::AiOverflow, KeyKind::Event, false},
    {"10 AI rate limited, locality, person off", EventKind::Ai, false, kBucket, true, true, Output::AiOverflow, KeyKind::Null, true},
    {"11 AI rate limited", EventKind::Ai, false, kBucket, false, false, Output::AiOverflow, KeyKind::Null, false},
    {"12 AI main keeps its key, person off", EventKind::Ai, false, kNone, true, false, Output::AiMain, KeyKind::Event, true},
    {"13 heatmap", EventKind::Heatmap, true, kForced, false, false, Output::Heatmaps, KeyKind::Event, false},
    {"13 warning", EventKind::ClientWarning, true, kBucket, true, false, Output::ClientWarnings, KeyKind::Event, true},
    {"13 exception", EventKind::Exception, false, kNone, true, false, Output::ErrorTracking, KeyKind::Event, true},
    {"13 exception, force overflow", EventKind::Exception, true, kNone, false, false, Output::ErrorTrackingOverflow, KeyKind::Event, false},
    {"13 exception, forced key", EventKind::Exception, false, kForced, false, false, Output::ErrorTrackingOverflow, KeyKind::Null, true},
    {"13 exception, never by a bucket", EventKind::Exception, false, kBucket, false, false, Output::ErrorTracking, KeyKind::Event, false},
    {"15 snapshot, force overflow", EventKind::Snapshot, true, kNone, true, false, Output::SessionReplayOverflow, KeyKind::SessionId, true},
    {"15 snapshot, replay limited", EventKind::Snapshot, false, OverflowReason::ReplayLimited, false, false, Output::SessionReplayOverflow, KeyKind::SessionId, false},
    {"16 snapshot", EventKind::Snapshot, false, kNone, true, false, Output::SessionReplayMain, KeyKind::SessionId, true},
};
// clang-format on

Event event_of(const Row& row) {
    Event event;
    event.kind = row.kind;
    event.session_id = row.kind == EventKind::Snapshot ? "s1" : "";
    event.stamps.force_overflow = row.force_overflow;
    event.stamps.overflow = row.reason;
    event.stamps.person_processing_off = row.person_off;
    return event;
}

TEST(Lane, FollowsEveryRowOfTheDecisionTable) {
    for (const Row& row : kRows) {
        LaneRules rules = everything();
        rules.preserve_locality = row.locality;
        auto const destination = choose_lane(event_of(row), rules);
        ASSERT_TRUE(destination) << row.what;
        EXPECT_EQ(destination->output, row.output) << row.what;
        EXPECT_EQ(destination->key, row.key) << row.what;
        EXPECT_EQ(destination->person_processing_off, row.header) << row.what;
        EXPECT_FALSE(destination->dlq) << row.what;
    }
}

TEST(Lane, DlqBeatsCustomTopicBeatsEverythingElseAndKeepsTheEventKey) {
    for (const Row& row : kRows) {
        Event event = event_of(row);
        event.session_id = {};
        event.stamps.custom_topic = "elsewhere";
        auto const custom = choose_lane(event, everything());
        ASSERT_TRUE(custom) << row.what;
        EXPECT_EQ(custom->output, Output::Custom);
        EXPECT_EQ(custom->custom_topic, "elsewhere");
        EXPECT_EQ(custom->key, KeyKind::Event);
        EXPECT_EQ(custom->person_processing_off, row.person_off) << row.what;

        event.stamps.dlq = true;
        auto const dlq = choose_lane(event, everything());
        ASSERT_TRUE(dlq) << row.what;
        EXPECT_TRUE(dlq->dlq);
        EXPECT_STREQ(dlq->dlq_reason, "event_restriction");
        EXPECT_EQ(dlq->key, KeyKind::Event);
    }
}

TEST(Lane, EachPipelineHasItsOwnDlqAndFallsBackToTheCommonOne) {
    struct {
        EventKind kind;
        Output own;
    } const rows[] = {{EventKind::AnalyticsMain, Output::AnalyticsDlq},
                      {EventKind::AnalyticsHistorical, Output::AnalyticsDlq},
                      {EventKind::Ai, Output::AiDlq},
                      {EventKind::Exception, Output::ErrorTrackingDlq},
                      {EventKind::Heatmap, Output::HeatmapsDlq},
                      {EventKind::ClientWarning, Output::ClientWarningsDlq},
                      {EventKind::Snapshot, Output::SessionReplayDlq}};
    for (auto const& row : rows) {
        Event event;
        event.kind = row.kind;
        event.stamps.dlq = true;
        EXPECT_EQ(choose_lane(event, everything())->output, row.own);
        EXPECT_EQ(choose_lane(event, without({row.own}))->output, Output::Dlq);
    }
}

TEST(Lane, UnarmedAiValveIgnoresEveryOverflowStamp) {
    for (OverflowReason const reason : {kNone, kForced, kBucket}) {
        Event event;
        event.kind = EventKind::Ai;
        event.stamps.force_overflow = true;
        event.stamps.overflow = reason;
        auto const destination = choose_lane(event, without({Output::AiOverflow}));
        EXPECT_EQ(destination->output, Output::AiMain);
        EXPECT_EQ(destination->key, KeyKind::Event);
        EXPECT_FALSE(destination->person_processing_off);
    }
}

TEST(Lane, ExceptionsStayHomeWithoutAnOverflowTopic) {
    Event event;
    event.kind = EventKind::Exception;
    event.stamps.force_overflow = true;
    EXPECT_EQ(choose_lane(event, without({Output::ErrorTrackingOverflow}))->output,
              Output::ErrorTracking);
}

TEST(Lane, AnOutputWithoutTopicGoesToTheDlqAsUnbacked) {
    Event event;
    auto const destination =
        choose_lane(event, without({Output::AnalyticsMain, Output::AnalyticsDlq}));
    EXPECT_EQ(destination->output, Output::Dlq);
    EXPECT_STREQ(destination->dlq_reason, "unbacked_lane");
    EXPECT_EQ(destination->key, KeyKind::Event);
}

TEST(Lane, TheEnvelopeFollowsTheKindOfEventNotItsDestination) {
    LaneRules rules = everything();
    rules.replay_lz4 = true;
    Event event;
    event.kind = EventKind::Snapshot;
    event.session_id = "";
    EXPECT_TRUE(choose_lane(event, rules)->lz4);
    EXPECT_FALSE(choose_lane(event, everything())->lz4);
    event.stamps.dlq = true;
    EXPECT_TRUE(choose_lane(event, rules)->lz4);
    event.stamps = {.custom_topic = "t"};
    EXPECT_TRUE(choose_lane(event, rules)->lz4);
    EXPECT_FALSE(choose_lane(Event{}, rules)->lz4);
}

TEST(Lane, ASnapshotWithoutSessionIsRefused) {
    Event event;
    event.kind = EventKind::Snapshot;
    auto const destination = choose_lane(event, everything());
    ASSERT_FALSE(destination);
    EXPECT_EQ(destination.error().code, model::Code::NoSessionId);
}

}  // namespace
}  // namespace capture::route
