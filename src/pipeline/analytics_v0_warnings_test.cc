#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/testing.h"

namespace capture::pipeline {
namespace {

using testing::FakeRequest;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MemorySink;

constexpr const char* kUuid = "0190a7a1-0000-7000-8000-000000000001";

struct World : testing::World {
    using testing::World::World;

    http::Response post(std::string body, std::string path = "/batch/") {
        FakeRequest request(std::move(path), std::move(body));
        return serve(surface, request);
    }
    /// The `$$client_ingestion_warning_…` members of the only warning, or what there is instead.
    std::string warning() {
        if (warned.records.size() != 1) return std::to_string(warned.records.size()) + " warnings";
        std::string text = std::move(warned.records.front().value);
        warned.records.clear();
        std::erase(text, '\\');
        auto const begin = text.find(R"("properties":{)") + 14;
        return text.substr(begin, text.find("}}}") - begin + 1);
    }

    AnalyticsV0 surface{context, decode_probe, parse_probe};
    MemorySink& warned = warn();
};

std::string expected(std::string_view type, std::string_view details, int count,
                     std::string_view path = "/batch/", std::string_view lib = "unknown",
                     std::string_view version = "unknown") {
    std::string out = R"("$$client_ingestion_warning_type":")";
    out.append(type).append(
        R"(","$$client_ingestion_warning_source":"capture","$$client_ingestion_warning_details":{)");
    out.append(details)
        .append(details.empty() ? "" : ",")
        .append(R"("lib":")")
        .append(lib)
        .append(R"(","libVersion":")")
        .append(version)
        .append(R"(","path":")")
        .append(path)
        .append(R"(","count":)")
        .append(std::to_string(count))
        .append(R"(,"pipelineStep":"capture_validation"})");
    return out;
}

TEST(AnalyticsV0Warnings, ARequestWithoutFaultWarnsOfNothing) {
    World world;
    EXPECT_EQ(world.post(R"({"api_key":"phc_a","event":"e","distinct_id":"u"})", "/e/").status,
              200);
    EXPECT_THAT(world.warned.records, IsEmpty());
}

TEST(AnalyticsV0Warnings, AnAbortedBatchIsCountedAsAWhole) {
    World world;
    EXPECT_EQ(
        world
            .post(
                R"({"api_key":"phc_a","batch":[{"event":"a","distinct_id":"u","properties":{"$lib":"web","$lib_version":"1.2"}},{"event":"b"},{"event":"c"}]})")
            .status,
        400);
    EXPECT_EQ(world.warning(), expected("missing_distinct_id", "", 3, "/batch/", "web", "1.2"));
    EXPECT_THAT(world.sink.records, IsEmpty());
    EXPECT_TRUE(world.ledger.balanced());
}

TEST(AnalyticsV0Warnings, TheOnlyEventOfARequestIsNamed) {
    World world;
    std::string const id(205, 'x');
    world.post(
        R"({"api_key":"phc_a","event":"","distinct_id":")" + id + R"(","uuid":")" + kUuid + R"("})",
        "/e/");
    EXPECT_EQ(world.warning(),
              expected("missing_event_name",
                       R"("distinctId":")" + id.substr(0, 200) +
                           R"(","distinctIdLength":205,"eventUuid":")" + kUuid + R"(")",
                       1, "/e/"));
}

TEST(AnalyticsV0Warnings, OnlyTheFirstEventTellsTheLibrary) {
    struct {
        std::string lib;
        const char* told;
    } const rows[] = {{R"("$lib":"web")", "web"},
                      {R"("$lib":")" + std::string(201, 'l') + R"(")", "unknown"},
                      {R"("$lib":7)", "unknown"},
                      {R"("$lib":"")", "unknown"},
                      {R"("other":1)", "unknown"}};
    for (auto const& row : rows) {
        World world;
        world.post(R"({"api_key":"phc_a","batch":[{"event":"a","distinct_id":"u","properties":{)" +
                   row.lib + R"(}},{"event":"b","properties":{"$lib":"second"}}]})");
        EXPECT_EQ(world.warning(), expected("missing_distinct_id", "", 2, "/batch/", row.told));
    }
}

TEST(AnalyticsV0Warnings, ACutDistinctIdIsToldAfterTheRecordIsDurable) {
    World world;
    std::string const id(300, 'x');
    std::string const event = R"({"event":"e","distinct_id":")" + id + R"("})";
    std::string const one =
        R"({"api_key":"phc_a","batch":[{"event":"f","distinct_id":"u"},)" + event + "]}";
    world.sink.outcome = model::DeliveryOutcome::Retryable;
    world.post(one);
    EXPECT_THAT(world.warned.records, IsEmpty());

    world.sink.outcome = model::DeliveryOutcome::Delivered;
    EXPECT_EQ(world.post(one).status, 200);
    EXPECT_THAT(world.warning(), HasSubstr(R"("distinctId":")" + id.substr(0, 200) +
                                           R"(","distinctIdLength":300,"eventUuid":")"));

    EXPECT_EQ(world
                  .post(R"({"api_key":"phc_b","batch":[)" + event + "," + event +
                        R"(,{"event":"f","distinct_id":"u"}]})")
                  .status,
              200);
    EXPECT_EQ(world.warning(), expected("distinct_id_truncated", "", 2));
}

TEST(AnalyticsV0Warnings, ARecordThatKafkaCannotTakeCountsOnce) {
    World world;
    world.sink.outcome = model::DeliveryOutcome::TooLargeAtAck;
    world.post(
        R"({"api_key":"phc_a","batch":[{"event":"a","distinct_id":"u"},{"event":"b","distinct_id":"u"}]})");
    EXPECT_EQ(world.warning(), expected("message_size_too_large", "", 1));
    world.post(R"({"api_key":"phc_b","event":"a","distinct_id":"u","uuid":")" + std::string(kUuid) +
               R"("})");
    EXPECT_EQ(world.warning(),
              expected("message_size_too_large",
                       R"("distinctId":"u","eventUuid":")" + std::string(kUuid) + R"(")", 1));
}

TEST(AnalyticsV0Warnings, ATooLargeAiEventCountsTheWholeRequest) {
    World world(config::Environment{{"AI_MAX_EVENT_BYTES", "100"}});
    EXPECT_EQ(
        world
            .post(
                R"({"api_key":"phc_a","batch":[{"event":"a","distinct_id":"u"},{"event":"$ai_span","distinct_id":"u","properties":{"x":")" +
                std::string(100, 'x') + R"("}}]})")
            .status,
        413);
    EXPECT_EQ(world.warning(), expected("message_size_too_large", "", 2));
}

TEST(AnalyticsV0Warnings, AnEventOffTheAiLaneIsToldInAiMode) {
    World world(config::Environment{{"CAPTURE_MODE", "ai"}});
    EXPECT_EQ(
        world.post(R"({"api_key":"phc_a","event":"a","distinct_id":"u"})", "/i/v0/ai/batch").status,
        400);
    EXPECT_EQ(world.warning(),
              expected("invalid_ai_event", R"("distinctId":"u")", 1, "/i/v0/ai/batch"));
}

TEST(AnalyticsV0Warnings, TheGlobalRateLimitTellsHowManyIdsItStruck) {
    config::Environment const limited{{"REDIS_URL", "redis://127.0.0.1:1"},
                                      {"GLOBAL_RATE_LIMIT_ENABLED", "true"},
                                      {"GLOBAL_RATE_LIMIT_TOKEN_DISTINCTID_THRESHOLD", "0"}};
    World world(limited);
    std::string const twice = R"({"event":"a","distinct_id":"u"},{"event":"a","distinct_id":"u"})";
    std::string many;
    for (int i = 0; i < 12; ++i)
        many += R"({"event":"a","distinct_id":"u)" + std::to_string(i) + R"("},)";
    // The first event of an id passes always.
    EXPECT_EQ(world.post(R"({"api_key":"phc_a","batch":[)" + twice + "]}").status, 200);
    EXPECT_EQ(world.warning(),
              expected("high_volume_distinct_id", R"("distinctIdCount":1,"distinctId":"u")", 1));
    EXPECT_EQ(world.post(R"({"api_key":"phc_b","batch":[)" + many + many + twice + "]}").status,
              200);
    EXPECT_EQ(world.warning(), expected("high_volume_distinct_id", R"("distinctIdCount":13)", 13));
}

TEST(AnalyticsV0Warnings, WhatIsNotTheProjectsFaultIsNotTold) {
    World world;
    for (
        const char* const body :
        {R"({"api_key":"phc_a","event":"a","distinct_id":"u")",  // no JSON
         R"({"api_key":"phc_a","batch":[]})", R"({"event":"a","distinct_id":"u"})",
         R"({"api_key":"phx_a","event":"a","distinct_id":"u"})",
         R"({"api_key":"phc_a","event":"a","distinct_id":"u","properties":{"$cookieless_mode":7}})"}) {
        EXPECT_GE(world.post(body).status, 400) << body;
    }
    world.sink.outcome = model::DeliveryOutcome::Retryable;
    world.post(R"({"api_key":"phc_a","event":"a","distinct_id":"u"})");
    world.sink.outcome = model::DeliveryOutcome::Rejected;
    world.post(R"({"api_key":"phc_a","event":"a","distinct_id":"u"})");
    world.sink.full = true;
    world.post(R"({"api_key":"phc_a","event":"a","distinct_id":"u"})");
    EXPECT_THAT(world.warned.records, IsEmpty());
}

}  // namespace
}  // namespace capture::pipeline
