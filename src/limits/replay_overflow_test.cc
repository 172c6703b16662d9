#include "limits/replay_overflow.h"

#include <gtest/gtest.h>

#include "limits/limits.h"
#include "limits/parts.h"
#include "limits/redis/memory_store.h"
#include "limits/testing.h"

namespace capture::limits {
namespace {

using model::OverflowReason;
using testing::wait;

struct ReplaySet : ::testing::Test {
    base::IoContext context;
    base::ManualClock clock{{1'700'000'000, 0}};
    telemetry::Registry registry{"capture", "recordings"};
    Probe probe{registry};
    redis::MemoryStore store;
    ReplayOverflow replay{"p:", probe, telemetry::Logger::silent(), clock};
    static constexpr const char* kKey = "p:@posthog/capture-overflow/replay";

    void refresh() { wait(context, replay.set().refresh(store)); }
    bool contains(std::string_view session) const {
        return replay.sessions().load()->contains(session);
    }
};

TEST_F(ReplaySet, HoldsTheSessionsWhoseTimeHasNotPassed) {
    EXPECT_FALSE(contains("now"));
    store.add_member(kKey, "now", 1'700'000'000);
    store.add_member(kKey, "later", 1'700'000'060);
    store.add_member(kKey, "past", 1'699'999'999);
    store.add_member("@posthog/capture-overflow/replay", "unprefixed", 9'999'999'999);
    refresh();
    EXPECT_TRUE(contains("now"));
    EXPECT_TRUE(contains("later"));
    EXPECT_FALSE(contains("past"));
    EXPECT_FALSE(contains("unprefixed"));
    EXPECT_FALSE(contains(""));
    EXPECT_EQ(probe.loaded_tokens.with({kKey}).value(), 2);
    clock.advance(std::chrono::seconds(5));
    EXPECT_TRUE(contains("now"));  // until the next refresh
    refresh();
    EXPECT_FALSE(contains("now"));
    EXPECT_EQ(probe.loaded_tokens.with({kKey}).value(), 1);
}

TEST_F(ReplaySet, StaysAsItWasWhileRedisIsAway) {
    store.add_member(kKey, "s", 9'999'999'999);
    refresh();
    store.failing = redis::Failure::Unreachable;
    store.erase(kKey);
    refresh();
    EXPECT_TRUE(contains("s"));
    EXPECT_EQ(probe.refresh_failures.with({kKey}).value(), 1);
    clock.advance(std::chrono::seconds(7));
    replay.set().report_age();
    EXPECT_EQ(probe.snapshot_age.with({kKey}).value(), 7);
    store.failing.reset();
    refresh();
    EXPECT_FALSE(contains("s"));
}

/// The step as a surface calls it.
struct ReplayStep : ReplaySet {
    config::Settings settings = [] {
        config::Settings s;
        s.mode = config::Mode::Recordings;
        return s;
    }();
    std::unique_ptr<Limits> limits =
        Limits::create(settings, registry, telemetry::Logger::silent(), clock).value();

    ReplayStep() {
        redis::MemoryStore full;
        full.add_member("@posthog/capture-overflow/replay", "hot", 9'999'999'999);
        wait(context, Inside::parts(*limits).replay.set().refresh(full));
    }
    model::Event after(std::string_view session, bool forced = false) {
        WorkerLimits worker = limits->worker();
        model::Event event;
        event.kind = model::EventKind::Snapshot;
        event.session_id = session;
        event.stamps.force_overflow = forced;
        worker.request("t", clock.now()).replay_overflow(event);
        return event;
    }
    double rerouted() const {
        double sum = 0;
        for (const char* reason : {"event_restriction", "force_limited", "rate_limited"})
            sum += probe.rerouted.with({reason}).value();
        return sum;
    }
};

TEST_F(ReplayStep, AListedSessionOverflowsAndIsCountedAsALookUpOnly) {
    auto const hot = after("hot");
    EXPECT_EQ(hot.stamps.overflow, OverflowReason::ReplayLimited);
    EXPECT_FALSE(hot.stamps.person_processing_off);
    EXPECT_FALSE(hot.stamps.force_overflow);
    EXPECT_EQ(after("cold").stamps.overflow, OverflowReason::None);
    EXPECT_EQ(after("HOT").stamps.overflow, OverflowReason::None);
    EXPECT_EQ(rerouted(), 0);
    EXPECT_EQ(probe.replay_check.count(), 3u);
}

TEST_F(ReplayStep, ARestrictionIsCountedAndTheSetIsNotAsked) {
    auto const forced = after("hot", true);
    EXPECT_EQ(forced.stamps.overflow, OverflowReason::None);
    EXPECT_TRUE(forced.stamps.force_overflow);
    EXPECT_EQ(probe.rerouted.with({"event_restriction"}).value(), 1);
    EXPECT_EQ(rerouted(), 1);
    EXPECT_EQ(probe.replay_check.count(), 0u);
}

}  // namespace
}  // namespace capture::limits
