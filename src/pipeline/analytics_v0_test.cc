#include "pipeline/analytics_v0.h"

#include <gtest/gtest.h>

#include "pipeline/testing.h"

namespace capture::pipeline {
namespace {

using testing::FakeRequest;
using testing::World;

constexpr const char* kBatch =
    R"({"api_key":"phc_a","batch":[{"event":"one","distinct_id":"u"},{"event":"$exception","distinct_id":"u"}]})";

struct AnalyticsV0Test : ::testing::Test {
    World world;
    AnalyticsV0 surface{world.context, world.decode_probe, world.parse_probe};

    http::Response post(std::string path, std::string body) {
        FakeRequest request(std::move(path), std::move(body));
        return world.serve(surface, request);
    }
    double ended(std::string_view end, std::string_view reason) {
        return world.registry.counters(kLedgerEnded).with({end, reason}).value();
    }
    double dropped(std::string_view cause) {
        return world.registry.counters(kDropped).with({cause}).value();
    }
    double errors(std::string_view error, std::string_view stage) {
        return world.registry.counters(kErrors).with({error, stage}).value();
    }
};

TEST_F(AnalyticsV0Test, EveryEventBecomesARecordOnItsLaneInOrder) {
    auto const answer = post("/batch/", kBatch);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, R"({"status":"Ok"})");
    ASSERT_EQ(world.sink.records.size(), 2u);
    EXPECT_EQ(world.sink.records[0].output, model::Output::AnalyticsMain);
    EXPECT_EQ(world.sink.records[0].key, "phc_a:u");
    EXPECT_NE(world.sink.records[0].value.find(
                  R"("now":"2026-09-01T12:00:00.123456789Z","token":"phc_a")"),
              std::string::npos);
    EXPECT_EQ(world.sink.records[1].output, model::Output::ErrorTracking);
    EXPECT_EQ(ended("delivered", ""), 2);
    EXPECT_TRUE(world.ledger.balanced());
}

TEST_F(AnalyticsV0Test, AFailureOfTheSinkRefusesTheWholeRequest) {
    struct {
        model::DeliveryOutcome outcome;
        int status;
        const char* body;
        const char* tag;
    } const rows[] = {
        {model::DeliveryOutcome::Retryable, 503, "transient error, please retry", "retryable_sink"},
        {model::DeliveryOutcome::TooLargeAtSend, 413,
         "maximum event size exceeded: Event rejected by kafka during send", "oversize_event"},
        {model::DeliveryOutcome::TooLargeAtAck, 413,
         "maximum event size exceeded: Event rejected by kafka broker during ack",
         "oversize_event"},
        {model::DeliveryOutcome::Rejected, 400, "invalid event could not be processed",
         "non_retry_sink"},
    };
    for (auto const& row : rows) {
        world.sink.outcome = row.outcome;
        double const before = ended("refused", row.tag);
        auto const answer = post("/batch/", kBatch);
        EXPECT_EQ(answer.status, row.status);
        EXPECT_EQ(answer.body, row.body);
        EXPECT_EQ(ended("refused", row.tag) - before, 2);
    }
    EXPECT_EQ(dropped("kafka_message_size"), 2);
    EXPECT_EQ(errors("oversize_event", "processing"), 2);
    EXPECT_TRUE(world.ledger.balanced());
}

TEST_F(AnalyticsV0Test, ASinkWithoutRoomIsA503BeforeAnythingIsSent) {
    world.sink.full = true;
    EXPECT_EQ(post("/batch/", kBatch).status, 503);
    EXPECT_TRUE(world.sink.records.empty());
    EXPECT_EQ(ended("refused", "retryable_sink"), 2);
}

TEST_F(AnalyticsV0Test, AnInvalidEventDropsTheWholeRequestUnderItsTag) {
    auto const answer =
        post("/batch/",
             R"({"api_key":"phc_a","batch":[{"event":"one","distinct_id":"u"},{"event":"two"}]})");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.body, "event submitted without a distinct_id");
    EXPECT_EQ(dropped("no_distinct_id"), 2);
    EXPECT_EQ(ended("refused", "no_distinct_id"), 2);
    EXPECT_EQ(errors("no_distinct_id", "processing"), 1);
}

TEST_F(AnalyticsV0Test, AHeatmapSplitEntersTheLedgerAsOneMore) {
    post(
        "/batch/",
        R"({"api_key":"phc_a","batch":[{"event":"x","distinct_id":"u","properties":{"$heatmap_data":1}}]})");
    ASSERT_EQ(world.sink.records.size(), 2u);
    EXPECT_EQ(world.sink.records[1].output, model::Output::Heatmaps);
    EXPECT_EQ(ended("delivered", ""), 2);
    EXPECT_EQ(world.registry.counter(kReceived).value(), 1);
    EXPECT_TRUE(world.ledger.balanced());
}

TEST_F(AnalyticsV0Test, LargeBodiesTakeThePoolAndEndTheSameWay) {
    std::string body = R"({"api_key":"phc_a","batch":[)";
    for (int i = 0; i < 5000; ++i) {
        if (i > 0) body += ',';
        body += R"({"event":"e","distinct_id":"user-)" + std::to_string(i) +
                R"(","properties":{"text":"some padding"}})";
    }
    body += "]}";
    ASSERT_GT(body.size(), Arrival::kLargeText);
    EXPECT_EQ(post("/batch/", body).status, 200);
    ASSERT_EQ(world.sink.records.size(), 5000u);
    EXPECT_EQ(world.sink.records[4999].key, "phc_a:user-4999");
    EXPECT_EQ(ended("delivered", ""), 5000);
    EXPECT_EQ(world.budget.used(), 0u);
}

TEST_F(AnalyticsV0Test, WhateverABodyHasToWaitForItsRecordsAreTheSame) {
    std::string record;
    for (std::size_t const size : {std::size_t{100}, FakeRequest::kAtHand, Arrival::kLargeWire,
                                   Arrival::kLargeText, 2 * Arrival::kLargeText}) {
        std::string const body =
            R"({"api_key":"phc_a","batch":[{"event":"one","distinct_id":"u","properties":{"$heatmap_data":1},)"
            R"("uuid":"0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d"}],"padding":")" +
            std::string(size, 'x') + "\"}";
        world.sink.records.clear();
        EXPECT_EQ(post("/batch/", body).status, 200) << size;
        ASSERT_EQ(world.sink.records.size(), 2u) << size;
        if (record.empty()) record = world.sink.records[0].value;
        EXPECT_EQ(world.sink.records[0].value, record) << size;
        EXPECT_EQ(world.sink.records[1].output, model::Output::Heatmaps) << size;
        EXPECT_EQ(world.budget.used(), 0u) << size;
    }
    EXPECT_EQ(ended("delivered", ""), 10);
    EXPECT_TRUE(world.ledger.balanced());
}

TEST_F(AnalyticsV0Test, AQueryThatDoesNotParseIsRefusedBeforeTheBody) {
    for (std::size_t const size : {std::size_t{0}, FakeRequest::kAtHand + 1}) {
        FakeRequest request("/e/", std::string(size, '?'));
        request.query_text = "beacon=maybe";
        auto const answer = world.serve(surface, request);
        EXPECT_EQ(answer.status, 400);
        EXPECT_NE(answer.body.find("beacon: invalid digit found in string"), std::string::npos)
            << answer.body;
    }
    EXPECT_EQ(errors("empty_payload", "parsing"), 0);
}

TEST(Arrivals, LieWhereAnEarlierOneLayThatIsGone) {
    FakeRequest request("/e/", "");
    Arrivals<Arrival> arrivals;
    auto first = arrivals.make(request);
    auto second = arrivals.make(request);
    EXPECT_NE(first.get(), second.get());
    const Arrival* const place = first.get();
    first.reset();
    auto const third = arrivals.make(request);
    EXPECT_EQ(third.get(), place);
    EXPECT_TRUE(third->done);
    EXPECT_FALSE(third->answer);
}

TEST_F(AnalyticsV0Test, BeaconsGetNoContentButQuotaAndPerformanceOnlyAnswersStay200) {
    FakeRequest beacon("/e/", R"({"token":"phc_a","event":"x","distinct_id":"u"})");
    beacon.query_text = "beacon=1";
    EXPECT_EQ(world.serve(surface, beacon).status, 204);
    FakeRequest performance("/e/",
                            R"({"token":"phc_a","event":"$performance_event","distinct_id":"u"})");
    performance.query_text = "beacon=1";
    EXPECT_EQ(world.serve(surface, performance).status, 200);
    EXPECT_EQ(world.sink.records.size(), 1u);
}

TEST(AnalyticsV0Import, OnlyHistoricalBatchesPass) {
    World world(config::Environment{{"CAPTURE_MODE", "import"}});
    AnalyticsV0 surface(world.context, world.decode_probe, world.parse_probe);
    FakeRequest plain("/batch/", kBatch);
    EXPECT_EQ(world.serve(surface, plain).status, 200);
    EXPECT_TRUE(world.sink.records.empty());
    EXPECT_EQ(world.registry.counters(kDropped).with({"non_historical_import"}).value(), 2);

    FakeRequest historical("/batch/", R"({"api_key":"phc_a","historical_migration":true,)"
                                      R"("batch":[{"event":"one","distinct_id":"u"}]})");
    EXPECT_EQ(world.serve(surface, historical).status, 200);
    ASSERT_EQ(world.sink.records.size(), 1u);
    EXPECT_EQ(world.sink.records[0].output, model::Output::AnalyticsHistorical);
}

TEST(AnalyticsV0Ai, OtherEventsAreRefusedAndGiantsTooLarge) {
    World world(config::Environment{{"CAPTURE_MODE", "ai"}, {"AI_MAX_EVENT_BYTES", "200"}});
    AnalyticsV0 surface(world.context, world.decode_probe, world.parse_probe);
    FakeRequest other("/i/v0/ai/batch", kBatch);
    auto const refused = world.serve(surface, other);
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.body, "event one is not an AI event; send it to the analytics endpoint");

    FakeRequest giant(
        "/i/v0/ai/batch",
        R"({"api_key":"phc_a","batch":[{"event":"$ai_trace","distinct_id":"u","properties":{"t":")" +
            std::string(300, 'x') + R"("}}]})");
    auto const too_big = world.serve(surface, giant);
    EXPECT_EQ(too_big.status, 413);
    EXPECT_TRUE(
        too_big.body.starts_with("maximum AI event size exceeded: AI event $ai_trace (uuid "))
        << too_big.body;
    EXPECT_TRUE(too_big.body.ends_with("over the 200-byte limit")) << too_big.body;
    EXPECT_TRUE(world.sink.records.empty());
}

}  // namespace
}  // namespace capture::pipeline
