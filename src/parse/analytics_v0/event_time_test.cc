// How an event's timestamp is computed: contract 10 §10.3.
#include "parse/analytics_v0/fixture.h"

namespace capture::parse::analytics_v0 {
namespace {

class EventTime : public AnalyticsFixture {
  protected:
    /// The computed timestamp, relative to now in ms.
    std::int64_t shift_of(std::string_view fields) {
        auto const events =
            process(R"({"event":"a","distinct_id":"d",)" + std::string(fields) + "}");
        EXPECT_EQ(events.size(), 1) << error_;
        return events.empty() ? 0 : events[0].timestamp.millis_since(kTestNow);
    }
};

constexpr std::int64_t kHour = 3'600'000;

TEST_F(EventTime, IsNowByDefault) {
    EXPECT_EQ(shift_of(R"("x":1)"), 0);
    EXPECT_EQ(shift_of(R"("timestamp":"not a time")"), 0);
    EXPECT_EQ(shift_of(R"("timestamp":"")"), 0);
    sent_at_ = model::SentAt{kTestNow.plus_millis(-5'000), 0};
    EXPECT_EQ(shift_of(R"("x":1)"), 0);
    EXPECT_EQ(path_count(TimestampPath::NowFallback), 4);
    EXPECT_EQ(probe_.clock_skew.count(), 0);
}

TEST_F(EventTime, IsTheClientsOwnWithoutSentAt) {
    EXPECT_EQ(shift_of(R"("timestamp":"2026-07-01T11:00:00.5Z")"), -kHour);
    EXPECT_EQ(path_count(TimestampPath::TimestampRaw), 1);
    EXPECT_EQ(probe_.clock_skew.count(), 0);
}

TEST_F(EventTime, IsCorrectedByTheClientsSkew) {
    // The client's clock is ten seconds late, so what it calls 11:00:00.5 was ten seconds later.
    sent_at_ = model::SentAt{kTestNow.plus_millis(-10'250), 120};
    EXPECT_EQ(shift_of(R"("timestamp":"2026-07-01T11:00:00.5Z")"), -kHour + 10'250);
    sent_at_ = model::SentAt{kTestNow.plus_millis(10'750), 0};
    EXPECT_EQ(shift_of(R"("timestamp":"2026-07-01T11:00:00.5Z")"), -kHour - 10'750);
    EXPECT_EQ(path_count(TimestampPath::SentAtSkew), 2);
    EXPECT_EQ(probe_.clock_skew.count(), 2);
}

TEST_F(EventTime, IgnoresSentAtWhereTheEventSaysSo) {
    sent_at_ = model::SentAt{kTestNow.plus_millis(-10'000), 0};
    EXPECT_EQ(
        shift_of(R"("timestamp":"2026-07-01T11:00:00.5Z","properties":{"$ignore_sent_at":true})"),
        -kHour);
    EXPECT_EQ(
        shift_of(R"("timestamp":"2026-07-01T11:00:00.5Z","properties":{"$ignore_sent_at":"true"})"),
        -kHour + 10'000);
    EXPECT_EQ(path_count(TimestampPath::TimestampRaw), 1);
}

TEST_F(EventTime, AnOffsetBeatsEverything) {
    EXPECT_EQ(shift_of(R"("offset":2500)"), -2'500);
    EXPECT_EQ(shift_of(R"("offset":-2500)"), 2'500);
    sent_at_ = model::SentAt{kTestNow.plus_millis(-10'000), 0};
    EXPECT_EQ(shift_of(R"("offset":1000,"timestamp":"2026-07-01T11:00:00.5Z")"), -1'000);
    EXPECT_EQ(path_count(TimestampPath::Offset), 3);
    // The skew is measured all the same.
    EXPECT_EQ(probe_.clock_skew.count(), 1);
}

TEST_F(EventTime, OfTheFarFutureIsNow) {
    EXPECT_EQ(shift_of(R"("timestamp":"2026-07-02T11:00:00.5Z")"), 23 * kHour);
    EXPECT_EQ(shift_of(R"("timestamp":"2026-07-02T11:00:00.501Z")"), 0);
    EXPECT_EQ(shift_of(R"("timestamp":"9999-12-31T23:59:59Z")"), 0);
    EXPECT_EQ(shift_of(R"("offset":-9223372036854775808)"), 0);
    EXPECT_EQ(path_count(TimestampPath::TimestampRaw), 3);
}

TEST_F(EventTime, OutsideTheCalendarIsTheEpoch) {
    EXPECT_EQ(
        process(R"({"event":"a","distinct_id":"d","offset":9223372036854775807})")[0].timestamp,
        base::Instant{});
    EXPECT_EQ(
        process(R"({"event":"a","distinct_id":"d","timestamp":"0000-01-01T00:00:00+01:00"})")[0]
            .timestamp,
        base::Instant{});
    EXPECT_EQ(process(R"({"event":"a","distinct_id":"d","timestamp":"0000-01-01T00:00:00Z"})")[0]
                  .timestamp.seconds,
              -62'167'219'200);
}

TEST_F(EventTime, IsComparedWithTheTimeInTheClientsUuid) {
    // Of version 7 ones only.
    char uuid[base::Uuid::kTextSize];
    base::UuidSource(1).v7(kTestNow.millis()).format(uuid);
    std::string const text(uuid, sizeof(uuid));
    shift_of(R"("uuid":")" + text + "\"");
    shift_of(R"("offset":1000,"uuid":")" + text + "\"");
    shift_of(R"("uuid":"0190f3c2-6b1e-4c6a-9d4e-1f0f2a3b4c5d")");
    EXPECT_EQ(gap_count(TimestampPath::NowFallback, true), 1);
    EXPECT_EQ(gap_count(TimestampPath::NowFallback, false), 0);
    EXPECT_EQ(gap_count(TimestampPath::Offset, false), 1);
}

}  // namespace
}  // namespace capture::parse::analytics_v0
