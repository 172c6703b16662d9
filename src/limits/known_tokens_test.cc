#include "limits/known_tokens.h"

#include <gtest/gtest.h>

#include <thread>

#include "limits/redis/memory_store.h"
#include "limits/testing.h"

namespace capture::limits {
namespace {

using testing::wait;

struct KnownTokensTest : ::testing::Test {
    base::IoContext context;
    base::ManualClock clock{{1'700'000'000, 0}};
    telemetry::Registry registry{"capture", "events"};
    Probe probe{registry};
    config::KnownTokensSettings settings = [] {
        config::KnownTokensSettings s;
        s.mode = config::TokenValidation::Enforce;
        return s;
    }();
    std::shared_ptr<redis::MemoryStore> store = std::make_shared<redis::MemoryStore>();
    std::shared_ptr<KnownTokens> tokens;

    void start(std::string marker = "1700000000") {
        tokens = std::make_shared<KnownTokens>(settings, probe, clock);
        tokens->attach(context, store);
        if (!marker.empty()) store->set(std::string(KnownTokens::kMarkerKey), std::move(marker));
        wait(context, tokens->refresh_marker());
    }
    TokenVerdict check(std::string_view token) { return wait(context, tokens->check(token)); }
};

TEST_F(KnownTokensTest, TellsKnownFromUnknown) {
    store->set("capture_known_token:phc_a", "1");
    start();
    EXPECT_EQ(check("phc_a"), TokenVerdict::Known);
    EXPECT_EQ(check("phc_b"), TokenVerdict::Unknown);
    EXPECT_TRUE(tokens->refuses(TokenVerdict::Unknown));
    EXPECT_FALSE(tokens->refuses(TokenVerdict::Unverified));
}

TEST_F(KnownTokensTest, NeverRefusesInADryRun) {
    settings.mode = config::TokenValidation::DryRun;
    start();
    EXPECT_EQ(check("phc_b"), TokenVerdict::Unknown);
    EXPECT_FALSE(tokens->refuses(TokenVerdict::Unknown));
}

TEST_F(KnownTokensTest, AnEmptyValueIsAKnownToken) {
    store->set("capture_known_token:phc_a", "");
    start();
    EXPECT_EQ(check("phc_a"), TokenVerdict::Known);
}

TEST_F(KnownTokensTest, AsksRedisOnceUntilTheVerdictAges) {
    store->set("capture_known_token:phc_a", "1");
    start();
    auto const before = store->runs;
    for (int i = 0; i < 5; ++i) {
        check("phc_a");
        check("phc_b");
    }
    EXPECT_EQ(store->runs, before + 2);
    store->set("capture_known_token:phc_b", "1");
    EXPECT_EQ(check("phc_b"), TokenVerdict::Unknown);
    clock.advance(std::chrono::seconds(60));
    EXPECT_EQ(tokens->cached("phc_b"), std::nullopt);
    EXPECT_EQ(check("phc_b"), TokenVerdict::Known);
    EXPECT_EQ(tokens->cached("phc_a"), TokenVerdict::Known);
    clock.advance(std::chrono::seconds(540));
    EXPECT_EQ(tokens->cached("phc_a"), std::nullopt);
}

TEST_F(KnownTokensTest, VerifiesNothingWithAStaleMarker) {
    for (const char* marker : {"", "x", "1700000001", "1699996399", "-5", "1700000000 "}) {
        store->erase(std::string(KnownTokens::kMarkerKey));
        start(marker);
        auto const before = store->runs;
        EXPECT_EQ(check("phc_b"), TokenVerdict::Unverified) << marker;
        EXPECT_EQ(store->runs, before);
    }
    start("1699996400");
    EXPECT_EQ(check("phc_b"), TokenVerdict::Unknown);
    EXPECT_EQ(probe.marker_refresh.with({"stale"}).value(), 6);
    EXPECT_EQ(probe.marker_refresh.with({"fresh"}).value(), 1);
}

TEST_F(KnownTokensTest, TellsTheAgeOfTheMarkersLastReading) {
    store->failing = redis::Failure::Timeout;
    start();
    auto const age = probe.snapshot_age.with({"known_tokens_marker"});
    EXPECT_EQ(age.value(), -1);
    EXPECT_EQ(probe.refresh_failures.with({"known_tokens_marker"}).value(), 1);
    store->failing.reset();
    wait(context, tokens->refresh_marker());
    clock.advance(std::chrono::seconds(9));
    tokens->report_age();
    EXPECT_EQ(age.value(), 9);
}

TEST_F(KnownTokensTest, DoesNotCacheWhatCouldNotBeVerified) {
    start();
    store->failing = redis::Failure::Timeout;
    EXPECT_EQ(check("phc_b"), TokenVerdict::Unverified);
    store->failing.reset();
    EXPECT_EQ(check("phc_b"), TokenVerdict::Unknown);
    store->failing = redis::Failure::Unreachable;
    wait(context, tokens->refresh_marker());
    EXPECT_FALSE(tokens->marker_fresh());
    EXPECT_EQ(check("phc_b"), TokenVerdict::Unverified);
}

TEST_F(KnownTokensTest, KeepsItsCachesBounded) {
    settings.cache_max_entries = 32;
    start();
    for (int i = 0; i < 1000; ++i)
        check("phc_" + std::to_string(i));
    int held = 0;
    for (int i = 0; i < 1000; ++i)
        held += tokens->cached("phc_" + std::to_string(i)).has_value();
    EXPECT_GT(held, 0);
    EXPECT_LE(held, 32);
}

TEST_F(KnownTokensTest, DoesNotWaitForAStuckHousekeepingThread) {
    settings.lookup_timeout_ms = 1;
    start();
    base::IoContext never_run;
    tokens->attach(never_run, store);
    EXPECT_EQ(check("phc_b"), TokenVerdict::Unverified);
}

TEST_F(KnownTokensTest, AnswersAWorkerOnItsOwnThread) {
    store->set("capture_known_token:phc_a", "1");
    settings.lookup_timeout_ms = 10'000;
    start();
    base::IoContext worker;
    std::optional<TokenVerdict> verdict;
    auto const guard = boost::asio::make_work_guard(context);
    context.restart();
    std::thread housekeeping([&] { context.run(); });
    verdict = wait(worker, tokens->check("phc_a"));
    context.stop();
    housekeeping.join();
    EXPECT_EQ(verdict, TokenVerdict::Known);
}

}  // namespace
}  // namespace capture::limits
