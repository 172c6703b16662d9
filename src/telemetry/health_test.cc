#include "telemetry/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace capture::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

struct HealthTest : testing::Test {
    base::ManualClock clock{base::Instant{1'000'000, 0}};
    Registry registry{"capture", "events"};
    std::vector<Shutdown> shutdowns;
    Health health{registry, Logger::silent(), clock,
                  [this](const Shutdown& s) { shutdowns.push_back(s); }};

    void poll_for(std::chrono::milliseconds time) {
        for (auto passed = 0ms; passed < time; passed += Health::kPollInterval) {
            clock.advance(Health::kPollInterval);
            health.poll();
        }
    }
};

TEST_F(HealthTest, StartingComponentIsNeverJudgedAndHasNoGauge) {
    auto sink = health.add({.name = "kafka-sink", .deadline = 30s});
    poll_for(10min);
    EXPECT_TRUE(shutdowns.empty());
    EXPECT_THAT(registry.expose(), Not(HasSubstr("lifecycle_component_healthy")));
    sink.complete();
}

TEST_F(HealthTest, ComponentThatStopsReportingEndsTheProcessOnce) {
    auto sink = health.add({.name = "kafka-sink", .deadline = 30s});
    sink.report_healthy();
    poll_for(30s);
    EXPECT_TRUE(shutdowns.empty());
    EXPECT_THAT(registry.expose(), HasSubstr("component=\"kafka-sink\"} 1\n"));
    poll_for(5min);
    ASSERT_EQ(shutdowns.size(), 1u);
    EXPECT_EQ(shutdowns[0].component, "kafka-sink");
    EXPECT_EQ(shutdowns[0].reason, ShutdownReason::Failure);
    auto const text = registry.expose();
    EXPECT_THAT(
        text,
        HasSubstr("lifecycle_shutdown_initiated_total{role=\"capture\",capture_mode=\"events\","
                  "service_name=\"capture\",trigger_component=\"kafka-sink\",trigger_reason="
                  "\"failure\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("component=\"kafka-sink\"} 0\n"));
    sink.complete();
}

TEST_F(HealthTest, ReportsKeepAComponentAlive) {
    auto sink = health.add({.name = "kafka-sink", .deadline = 30s});
    for (int i = 0; i < 20; ++i) {
        sink.report_healthy();
        poll_for(25s);
    }
    EXPECT_TRUE(shutdowns.empty());
    sink.complete();
}

TEST_F(HealthTest, ThresholdCountsPollsInARow) {
    auto sink = health.add({.name = "s", .deadline = 30s, .stall_threshold = 3});
    sink.report_healthy();
    poll_for(40s);  // late twice
    sink.report_healthy();
    poll_for(40s);
    EXPECT_TRUE(shutdowns.empty());
    poll_for(5s);
    EXPECT_EQ(shutdowns.size(), 1u);
    sink.complete();
}

TEST_F(HealthTest, AdvisoryComponentOnlyShows) {
    {
        auto warnings =
            health.add({.name = "ingestion-warnings", .deadline = 30s, .advisory = true});
        warnings.report_healthy();
        poll_for(60s);
        EXPECT_THAT(registry.expose(), HasSubstr("component=\"ingestion-warnings\"} 0\n"));
    }
    EXPECT_TRUE(shutdowns.empty());
}

TEST_F(HealthTest, DeathOfAComponentEndsTheProcess) {
    {
        auto task = health.add({.name = "event-restrictions"});
    }
    ASSERT_EQ(shutdowns.size(), 1u);
    EXPECT_EQ(shutdowns[0].reason, ShutdownReason::Died);
    EXPECT_EQ(health.shutdown()->component, "event-restrictions");
}

TEST_F(HealthTest, MovingAComponentDoesNotEndIt) {
    auto first = health.add({.name = "a"});
    Health::Component second = std::move(first);
    first = {};
    EXPECT_TRUE(shutdowns.empty());
    second.complete();
}

TEST_F(HealthTest, FirstTriggerWins) {
    health.shut_down("system", ShutdownReason::Signal);
    health.shut_down("system", ShutdownReason::Requested);
    ASSERT_EQ(shutdowns.size(), 1u);
    EXPECT_EQ(shutdowns[0].reason, ShutdownReason::Signal);
}

TEST_F(HealthTest, CleanShutdownIsRecordedPerComponent) {
    auto server = health.add({.name = "server"});
    health.shut_down("system", ShutdownReason::Signal);
    clock.advance(2s);
    server.complete();
    EXPECT_TRUE(health.finish());
    auto const text = registry.expose();
    EXPECT_THAT(text,
                HasSubstr("lifecycle_component_shutdown_duration_seconds_sum{role=\"capture\","
                          "capture_mode=\"events\",service_name=\"capture\",component=\"server\","
                          "result=\"completed\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("clean=\"true\"} 1\n"));
}

TEST_F(HealthTest, WhatHasNotEndedTimesOut) {
    auto server = health.add({.name = "server"});
    health.shut_down("system", ShutdownReason::Signal);
    EXPECT_FALSE(health.finish());
    auto const text = registry.expose();
    EXPECT_THAT(text, HasSubstr("component=\"server\",result=\"timeout\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("clean=\"false\"} 1\n"));
}

}  // namespace
}  // namespace capture::telemetry
