#include "limits/quota.h"

#include <gtest/gtest.h>

#include "limits/redis/memory_store.h"
#include "limits/testing.h"

namespace capture::limits {
namespace {

using model::DropReason;
using testing::wait;

struct Quota : ::testing::Test {
    base::IoContext context;
    base::ManualClock clock{{1'700'000'000, 0}};
    telemetry::Registry registry{"capture", "events"};
    Probe probe{registry};
    redis::MemoryStore store;
    QuotaLimiter limiter{config::Mode::Events, probe};

    static std::vector<model::ParsedEvent> events(std::initializer_list<std::string_view> names) {
        std::vector<model::ParsedEvent> all;
        for (auto const name : names)
            all.emplace_back().name = name;
        return all;
    }
    static std::vector<std::string_view> names(const std::vector<model::ParsedEvent>& events) {
        std::vector<std::string_view> all;
        for (auto const& event : events)
            all.push_back(event.name);
        return all;
    }
    static QuotaMask limited(std::initializer_list<Resource> resources) {
        QuotaMask mask;
        for (Resource const resource : resources)
            mask.set_limited(resource);
        return mask;
    }
    double exceeded(const char* resource) { return probe.quota_exceeded.with({resource}).value(); }
    static std::uint32_t counted(const QuotaOutcome& outcome, DropReason reason) {
        return outcome.counted[static_cast<std::size_t>(reason)];
    }
    using Names = std::vector<std::string_view>;
};

TEST_F(Quota, LeavesEventsOfUnlimitedTokensAlone) {
    auto batch = events({"a", "$exception"});
    auto const outcome = limiter.apply(QuotaMask(), batch);
    EXPECT_FALSE(outcome.billing_limited);
    EXPECT_EQ(outcome.removed, 0u);
    EXPECT_EQ(names(batch), (Names{"a", "$exception"}));
}

TEST_F(Quota, DropsAllOrdinaryEventsOverTheGlobalLimit) {
    auto batch = events({"a", "b"});
    auto const outcome = limiter.apply(limited({Resource::Events}), batch);
    EXPECT_TRUE(outcome.billing_limited);
    EXPECT_EQ(outcome.removed, 2u);
    EXPECT_EQ(counted(outcome, DropReason::EventsOverQuota), 2u);
    EXPECT_EQ(exceeded("events"), 2);
}

TEST_F(Quota, RetainsScopedEventsInScopeOrderAndOverCounts) {
    auto batch = events({"$ai_generation", "a", "survey sent", "$exception", "$exception"});
    auto const outcome = limiter.apply(limited({Resource::Events}), batch);
    EXPECT_FALSE(outcome.billing_limited);
    EXPECT_EQ(names(batch), (Names{"$exception", "$exception", "survey sent", "$ai_generation"}));
    EXPECT_EQ(outcome.removed, 1u);
    EXPECT_EQ(counted(outcome, DropReason::EventsOverQuota), 5u);
    EXPECT_EQ(exceeded("events"), 5);
}

TEST_F(Quota, AScopedLimitDropsOnlyItsOwnEvents) {
    auto batch = events({"a", "$exception", "b", "$ai_span"});
    auto const outcome = limiter.apply(limited({Resource::Exceptions}), batch);
    EXPECT_FALSE(outcome.billing_limited);
    EXPECT_EQ(names(batch), (Names{"a", "b", "$ai_span"}));
    EXPECT_EQ(outcome.removed, 1u);
    EXPECT_EQ(counted(outcome, DropReason::ExceptionsOverQuota), 1u);
    EXPECT_EQ(exceeded("exceptions"), 1);
    EXPECT_EQ(exceeded("events"), 0);
}

TEST_F(Quota, ScopedAndGlobalLimitsTogetherCountEachOnce) {
    auto batch = events({"a", "$exception", "$ai_span"});
    auto const outcome = limiter.apply(limited({Resource::Exceptions, Resource::Events}), batch);
    EXPECT_EQ(names(batch), Names{"$ai_span"});
    EXPECT_EQ(outcome.removed, 2u);
    EXPECT_EQ(counted(outcome, DropReason::ExceptionsOverQuota), 1u);
    EXPECT_EQ(counted(outcome, DropReason::EventsOverQuota), 2u);
}

TEST_F(Quota, StopsWhenScopedLimitsLeaveNothing) {
    auto batch = events({"$exception", "survey shown"});
    auto const outcome = limiter.apply(
        limited({Resource::Exceptions, Resource::SurveyResponses, Resource::Events}), batch);
    EXPECT_TRUE(outcome.billing_limited);
    EXPECT_EQ(exceeded("exceptions"), 1);
    EXPECT_EQ(exceeded("survey_responses"), 1);
    EXPECT_EQ(exceeded("events"), 0);
}

TEST_F(Quota, ClassifiesByName) {
    auto const scope = [](std::string_view name, bool product_tour = false) {
        model::ParsedEvent event;
        event.name = name;
        event.facts.product_tour_id = product_tour;
        return scope_of(event, QuotaMask());
    };
    EXPECT_EQ(scope("$exception"), Resource::Exceptions);
    EXPECT_EQ(scope("$exceptions"), Resource::kCount);
    EXPECT_EQ(scope("survey dismissed"), Resource::SurveyResponses);
    EXPECT_EQ(scope("survey dismissed", true), Resource::kCount);
    EXPECT_EQ(scope("Survey sent"), Resource::kCount);
    EXPECT_EQ(scope("$ai_"), Resource::LlmEvents);
    EXPECT_EQ(scope("$ai"), Resource::kCount);
}

TEST_F(Quota, RecordingsAreLimitedByTheirOwnResource) {
    QuotaLimiter recordings(config::Mode::Recordings, probe);
    auto batch = events({"$snapshot"});
    EXPECT_FALSE(recordings.apply(limited({Resource::Events}), batch).billing_limited);
    auto const outcome = recordings.apply(limited({Resource::Recordings}), batch);
    EXPECT_TRUE(outcome.billing_limited);
    EXPECT_EQ(counted(outcome, DropReason::RecordingsOverQuota), 1u);
}

TEST_F(Quota, MobileRecordingsHaveAQuotaOfTheirOwnOnceThereIsOne) {
    QuotaLimiter recordings(config::Mode::Recordings, probe);
    auto const mobile = [] {
        auto batch = events({"$snapshot", "$snapshot"});
        for (auto& event : batch)
            event.facts.mobile = true;
        return batch;
    };
    QuotaMask apart;
    apart.set_mobile_apart();
    EXPECT_FALSE(apart.any_limit());
    EXPECT_FALSE(apart.any_grace());

    auto batch = mobile();
    EXPECT_TRUE(recordings.apply(limited({Resource::Recordings}), batch).billing_limited);

    apart.set_limited(Resource::Recordings);
    batch = mobile();
    auto outcome = recordings.apply(apart, batch);
    EXPECT_FALSE(outcome.billing_limited);
    EXPECT_EQ(outcome.removed, 0u);

    apart.set_limited(Resource::MobileRecordings);
    outcome = recordings.apply(apart, batch);
    EXPECT_TRUE(outcome.billing_limited);
    EXPECT_EQ(counted(outcome, DropReason::MobileRecordingsOverQuota), 2u);
    EXPECT_EQ(exceeded("mobile_recordings"), 2);
}

TEST_F(Quota, CountsAdmittedEventsOfAGracePeriodOnce) {
    QuotaMask mask;
    mask.set_grace(Resource::Exceptions);
    mask.set_grace(Resource::Events);
    mask.set_grace(Resource::LlmEvents);
    mask.set_limited(Resource::LlmEvents);
    limiter.count_grace_period(mask, events({"a", "$exception", "$ai_span"}));
    EXPECT_EQ(probe.grace_period.with({"exceptions"}).value(), 1);
    EXPECT_EQ(probe.grace_period.with({"events"}).value(), 2);
    EXPECT_EQ(probe.grace_period.with({"llm_events"}).value(), 0);
}

struct QuotaRefresh : Quota {
    QuotaSets sets{config::Mode::Events, "pre:", probe, telemetry::Logger::silent(), clock};
    SnapshotReader<QuotaTable> reader{sets.table()};

    void refresh() {
        for (std::size_t i = 0; i < sets.size(); ++i)
            wait(context, sets.set(i).refresh(store));
    }
    double loaded(const char* key) { return probe.loaded_tokens.with({key}).value(); }
};

TEST_F(QuotaRefresh, FollowsTheSetsAndTheirEndTimes) {
    store.add_member("pre:@posthog/quota-limits/events", "phc_now", 1'700'000'000);
    store.add_member("pre:@posthog/quota-limits/events", "phc_past", 1'699'999'999);
    store.add_member("pre:@posthog/quota-limits/exceptions", "phc_now", 1'800'000'000);
    store.add_member("pre:@posthog/quota-limiting-suspended/llm_events", "phc_grace",
                     1'800'000'000);
    EXPECT_FALSE(reader.get().of("phc_now").any_limit());
    refresh();
    EXPECT_TRUE(reader.get().of("phc_now").limited(Resource::Events));
    EXPECT_TRUE(reader.get().of("phc_now").limited(Resource::Exceptions));
    EXPECT_FALSE(reader.get().of("phc_now").limited(Resource::LlmEvents));
    EXPECT_FALSE(reader.get().of("phc_past").any_limit());
    EXPECT_TRUE(reader.get().of("phc_grace").in_grace(Resource::LlmEvents));
    EXPECT_FALSE(reader.get().of("phc_NOW").any_limit());
    EXPECT_EQ(loaded("pre:@posthog/quota-limits/events"), 1);
    clock.advance(std::chrono::seconds(1));
    refresh();
    EXPECT_FALSE(reader.get().of("phc_now").limited(Resource::Events));
    EXPECT_TRUE(reader.get().of("phc_now").limited(Resource::Exceptions));
    EXPECT_EQ(loaded("pre:@posthog/quota-limits/events"), 0);
}

TEST_F(Quota, TheMobileSetIsFollowedForRecordingsAlone) {
    store.add_member("@posthog/quota-limits/mobile_recordings", "phc_a", 1'800'000'000);
    for (auto const mode : {config::Mode::Recordings, config::Mode::Events}) {
        QuotaSets sets(mode, "", probe, telemetry::Logger::silent(), clock);
        SnapshotReader<QuotaTable> reader(sets.table());
        for (std::size_t i = 0; i < sets.size(); ++i)
            wait(context, sets.set(i).refresh(store));
        bool const followed = mode == config::Mode::Recordings;
        EXPECT_EQ(reader.get().of("phc_a").limited(Resource::MobileRecordings), followed);
        EXPECT_EQ(reader.get().of("phc_b").mobile_apart(), followed);
    }
}

TEST_F(QuotaRefresh, KeepsTheLastSetsWhileRedisIsAway) {
    store.add_member("pre:@posthog/quota-limits/events", "phc_a", 1'800'000'000);
    refresh();
    store.failing = redis::Failure::Unreachable;
    clock.advance(std::chrono::seconds(7));
    refresh();
    sets.set(0).report_age();
    EXPECT_TRUE(reader.get().of("phc_a").limited(Resource::Events));
    EXPECT_EQ(probe.snapshot_age.with({"pre:@posthog/quota-limits/exceptions"}).value(), 7);
    EXPECT_EQ(probe.refresh_failures.with({"pre:@posthog/quota-limits/events"}).value(), 1);
    EXPECT_EQ(loaded("pre:@posthog/quota-limits/events"), 1);
}

TEST_F(QuotaRefresh, PublishesOnlyWhatChanged) {
    refresh();
    auto const version = sets.table().version();
    refresh();
    EXPECT_EQ(sets.table().version(), version);
    store.add_member("pre:@posthog/quota-limits/events", "phc_a", 1'800'000'000);
    refresh();
    EXPECT_EQ(sets.table().version(), version + 1);
}

}  // namespace
}  // namespace capture::limits
