#include "limits/overflow.h"

#include <gtest/gtest.h>

#include <random>

namespace capture::limits {
namespace {

using model::EventKind;
using model::OverflowReason;
using std::chrono::milliseconds;

struct Overflow : ::testing::Test {
    base::ManualClock clock{{1'700'000'000, 0}};
    telemetry::Registry registry{"capture", "events"};
    Probe probe{registry};
    config::OverflowSettings settings = [] {
        config::OverflowSettings s;
        s.enabled = true;
        s.per_second = 10;
        s.burst = 3;
        return s;
    }();
    OverflowLimiter::Lanes lanes;
    std::unique_ptr<OverflowLimiter> limiter;
    HashKey key;
    std::string scratch;

    void make() { limiter = std::make_unique<OverflowLimiter>(settings, lanes, key, probe, clock); }
    model::Event event(std::string_view id = "u", EventKind kind = EventKind::AnalyticsMain) {
        model::Event e;
        e.kind = kind;
        e.distinct_id = id;
        e.ip = "10.0.0.1";
        return e;
    }
    model::Stamps stamp(model::Event e, std::string_view token = "t") {
        if (!limiter) make();
        std::uint64_t const hash = hash_text(token, key);
        limiter->apply(e, token, hash, hash_pair(hash, e.distinct_id, key), clock.steady(),
                       scratch);
        return e.stamps;
    }
    int passed(int n, std::string_view id = "u", EventKind kind = EventKind::AnalyticsMain) {
        int count = 0;
        for (int i = 0; i < n; ++i)
            count += stamp(event(id, kind)).overflow == OverflowReason::None;
        return count;
    }
    double rerouted(const char* reason) { return probe.rerouted.with({reason}).value(); }
};

TEST_F(Overflow, LetsTheBurstPassAndRegainsOneCellAtATime) {
    EXPECT_EQ(passed(10), 3);
    EXPECT_EQ(rerouted("rate_limited"), 7);
    clock.advance(milliseconds(99));
    EXPECT_EQ(passed(1), 0);
    clock.advance(milliseconds(1));
    EXPECT_EQ(passed(5), 1);
    clock.advance(milliseconds(10'000));
    EXPECT_EQ(passed(10), 3);
}

TEST_F(Overflow, ARateLimitedEventKeepsItsPersonProcessing) {
    passed(3);
    auto const stamps = stamp(event());
    EXPECT_EQ(stamps.overflow, OverflowReason::RateLimited);
    EXPECT_FALSE(stamps.person_processing_off);
}

TEST_F(Overflow, KeysAreIndependent) {
    EXPECT_EQ(passed(5, "a"), 3);
    EXPECT_EQ(passed(5, "b"), 3);
    int other = 0;
    for (int i = 0; i < 5; ++i)
        other += stamp(event("a"), "t2").overflow == OverflowReason::None;
    EXPECT_EQ(other, 3);
}

TEST_F(Overflow, CookielessEventsAreKeyedByTheirAddress) {
    auto first = event("a");
    auto second = event("b");
    first.cookieless = second.cookieless = true;
    for (int i = 0; i < 3; ++i)
        stamp(first);
    EXPECT_EQ(stamp(second).overflow, OverflowReason::RateLimited);
    EXPECT_EQ(stamp(event("a")).overflow, OverflowReason::None);
}

TEST_F(Overflow, ForcedKeysMatchTheWholeKeyOrTheToken) {
    settings.forced_keys = "whole,t:hot,, spaced";
    auto const hot = stamp(event("hot"));
    EXPECT_EQ(hot.overflow, OverflowReason::ForcedKey);
    EXPECT_TRUE(hot.person_processing_off);
    EXPECT_EQ(stamp(event("cold")).overflow, OverflowReason::None);
    EXPECT_EQ(stamp(event("anyone"), "whole").overflow, OverflowReason::ForcedKey);
    EXPECT_EQ(stamp(event("anyone"), "spaced").overflow, OverflowReason::None);
    EXPECT_EQ(rerouted("force_limited"), 2);
    // A forced hit takes nothing from the bucket.
    settings.forced_keys = "";
    EXPECT_EQ(passed(3, "cold"), 2);
}

TEST_F(Overflow, TheRestrictionFlagSkipsTheLimiter) {
    settings.enabled = false;
    auto flagged = event();
    flagged.stamps.force_overflow = true;
    EXPECT_EQ(stamp(flagged).overflow, OverflowReason::None);
    EXPECT_EQ(rerouted("event_restriction"), 1);
    flagged.kind = EventKind::Ai;
    stamp(flagged);
    EXPECT_EQ(rerouted("event_restriction"), 2);
    for (auto const kind :
         {EventKind::AnalyticsHistorical, EventKind::Exception, EventKind::Heatmap}) {
        flagged.kind = kind;
        stamp(flagged);
    }
    EXPECT_EQ(rerouted("event_restriction"), 2);
}

TEST_F(Overflow, DoesNothingWhenOff) {
    settings.enabled = false;
    settings.forced_keys = "t";
    EXPECT_EQ(passed(100), 100);
}

TEST_F(Overflow, TheAnalyticsBucketCanBeTurnedOffAlone) {
    settings.analytics_bucket = false;
    settings.forced_keys = "t:hot";
    EXPECT_EQ(passed(100), 100);
    EXPECT_EQ(stamp(event("hot")).overflow, OverflowReason::ForcedKey);
}

TEST_F(Overflow, AiHasItsOwnBucketWhenItsTopicIsSet) {
    EXPECT_EQ(passed(10, "u", EventKind::Ai), 10);
    lanes.ai = true;
    make();
    EXPECT_EQ(passed(10, "u", EventKind::Ai), 3);
    EXPECT_EQ(passed(10, "u"), 3);
}

TEST_F(Overflow, ExceptionsKnowOnlyForcedKeysAndOnlyWithATopic) {
    settings.forced_keys = "t:hot";
    EXPECT_EQ(stamp(event("hot", EventKind::Exception)).overflow, OverflowReason::None);
    lanes.error_tracking = true;
    make();
    EXPECT_EQ(stamp(event("hot", EventKind::Exception)).overflow, OverflowReason::ForcedKey);
    EXPECT_EQ(passed(100, "u", EventKind::Exception), 100);
    auto flagged = event("u", EventKind::Exception);
    flagged.stamps.force_overflow = true;
    stamp(flagged);
    EXPECT_EQ(rerouted("event_restriction"), 1);
}

TEST_F(Overflow, OtherLanesAreNeverStamped) {
    settings.forced_keys = "t";
    for (auto const kind :
         {EventKind::AnalyticsHistorical, EventKind::Heatmap, EventKind::ClientWarning}) {
        EXPECT_EQ(stamp(event("u", kind)).overflow, OverflowReason::None);
    }
}

TEST_F(Overflow, ABucketVerdictReplacesTheRateLimiters) {
    passed(3);
    auto limited = event();
    limited.stamps.overflow = OverflowReason::GlobalRateLimit;
    limited.stamps.person_processing_off = true;
    auto const stamps = stamp(limited);
    EXPECT_EQ(stamps.overflow, OverflowReason::RateLimited);
    EXPECT_TRUE(stamps.person_processing_off);
    auto fresh = event("other");
    fresh.stamps.overflow = OverflowReason::GlobalRateLimit;
    EXPECT_EQ(stamp(fresh).overflow, OverflowReason::GlobalRateLimit);
}

TEST_F(Overflow, ForgetsKeysWhoseBucketIsFullAgain) {
    passed(2, "a");
    clock.advance(milliseconds(100));
    passed(1, "b");
    limiter->report();
    EXPECT_EQ(probe.partition_keys.with({"analytics"}).value(), 2);
    clock.advance(milliseconds(100));
    limiter->purge();
    limiter->report();
    EXPECT_EQ(probe.partition_keys.with({"analytics"}).value(), 0);
}

TEST(KeyBuckets, AKeyCostsWhatTheHeaderSays) {
    base::ManualClock clock{{1'700'000'000, 0}};
    KeyBuckets buckets(100, 1000, clock, 1 << 14);
    std::mt19937_64 random(3);
    for (std::size_t keys = 1000; keys <= 64'000; keys *= 4) {
        while (buckets.size() < std::min<std::size_t>(keys, (1 << 14) - 200))
            buckets.take(random(), clock.steady());
        EXPECT_LE(static_cast<double>(buckets.memory()) / static_cast<double>(buckets.size()), 48);
    }
    for (int i = 0; i < 100'000; ++i)
        buckets.take(random(), clock.steady());
    EXPECT_LE(buckets.size(), 1u << 14);
    EXPECT_LE(buckets.memory(), (1u << 14) * 48);
}

TEST(KeyBuckets, RotatingKeysEmptiesNobodysBucket) {
    base::ManualClock clock({1'700'000'000, 0});
    KeyBuckets buckets(1, 100, clock, 640);
    HashKey const key = HashKey::random();
    std::mt19937 random(3);
    std::uint64_t const hot = hash_text("hot", key);
    for (int i = 0; i < 100; ++i)
        EXPECT_TRUE(buckets.take(hot, clock.steady()));
    for (int i = 0; i < 50'000; ++i) {
        buckets.take(hash_text(std::to_string(random()), key), clock.steady());
        if (i % 100 == 0) {
            EXPECT_FALSE(buckets.take(hot, clock.steady())) << i;
        }
    }
    EXPECT_LE(buckets.size(), 640u);
}

}  // namespace
}  // namespace capture::limits
