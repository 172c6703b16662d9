#include "parse/analytics_v0/processor.h"

#include <set>

#include "parse/analytics_v0/fixture.h"

namespace capture::parse::analytics_v0 {
namespace {

using model::EventKind;
using ProcessorTest = AnalyticsFixture;

std::string uuid_text(const base::Uuid& uuid) {
    std::string text(base::Uuid::kTextSize, ' ');
    uuid.format(text.data());
    return text;
}

TEST_F(ProcessorTest, MakesAnEventOfEachParsedOne) {
    auto const events = process(
        R"({"api_key":"phc_test","batch":[{"event":"signup","distinct_id":"u1","properties":{"plan":"pro"}},)"
        R"({"event":" ","distinct_id":"u2","uuid":"0190F3C2-6b1e-4c6a-9d4e-1f0f2a3b4c5d"}]})");
    ASSERT_EQ(events.size(), 2);
    EXPECT_EQ(events[0].name, "signup");
    EXPECT_EQ(events[0].distinct_id, "u1");
    EXPECT_EQ(events[0].ip, "203.0.113.7");
    EXPECT_EQ(events[0].timestamp, kTestNow);
    EXPECT_EQ(events[0].kind, EventKind::AnalyticsMain);
    EXPECT_FALSE(events[0].session_id);
    EXPECT_FALSE(events[0].cookieless);
    EXPECT_FALSE(events[0].skip_heatmap_processing);
    EXPECT_EQ(events[1].name, " ");
    EXPECT_EQ(uuid_text(events[1].uuid), "0190f3c2-6b1e-4c6a-9d4e-1f0f2a3b4c5d");
}

TEST_F(ProcessorTest, ChoosesTheKindByName) {
    struct Row {
        const char* name;
        EventKind plain;
        EventKind historical;
    };
    constexpr auto kMain = EventKind::AnalyticsMain;
    constexpr auto kHistorical = EventKind::AnalyticsHistorical;
    constexpr auto kAi = EventKind::Ai;
    Row const rows[]{
        {"$$client_ingestion_warning", EventKind::ClientWarning, EventKind::ClientWarning},
        {"$exception", EventKind::Exception, EventKind::Exception},
        {"$$heatmap", EventKind::Heatmap, EventKind::Heatmap},
        {"$ai_generation", kAi, kAi},
        {"$ai_embedding", kAi, kAi},
        {"$ai_evaluation", kAi, kAi},
        {"$ai_span", kAi, kAi},
        {"$ai_trace", kAi, kAi},
        {"$ai_metric", kAi, kAi},
        {"$ai_feedback", kAi, kAi},
        {"$ai_tag", kAi, kAi},
        {"$ai_generation_summary", kAi, kAi},
        {"$ai_trace_summary", kAi, kAi},
        {"$ai_evaluation_report", kAi, kAi},
        {"$ai_other", kMain, kHistorical},
        {"$AI_generation", kMain, kHistorical},
        {"$exceptions", kMain, kHistorical},
        {"$pageview", kMain, kHistorical},
        {"x", kMain, kHistorical},
    };
    for (Row const& row : rows) {
        for (bool const historical : {false, true}) {
            auto const events = process(R"({"token":"t","batch":[{"distinct_id":"d","event":")" +
                                        std::string(row.name) + R"("}],"historical_migration":)" +
                                        (historical ? "true}" : "false}"));
            ASSERT_EQ(events.size(), 1);
            EXPECT_EQ(events[0].kind, historical ? row.historical : row.plain) << row.name;
            EXPECT_EQ(events[0].historical(), historical && row.historical == kHistorical);
        }
    }
}

TEST_F(ProcessorTest, TakesTheWholeAiPrefixWhereConfigured) {
    options_.ai_lane_by_prefix = true;
    EXPECT_EQ(process(R"({"event":"$ai_other","distinct_id":"d"})")[0].kind, EventKind::Ai);
    EXPECT_EQ(process(R"({"event":"$ai","distinct_id":"d"})")[0].kind, EventKind::AnalyticsMain);
}

TEST_F(ProcessorTest, HidesTheIpOfInternalCaptures) {
    for (std::string_view const value : {"true", "false", "null", "{}"}) {
        auto const events =
            process(R"({"event":"a","distinct_id":"d","properties":{"capture_internal":)" +
                    std::string(value) + "}}");
        EXPECT_EQ(events[0].ip, "127.0.0.1");
    }
}

TEST_F(ProcessorTest, WritesDataInItsFixedOrder) {
    auto const events = process(
        R"({"$set_once":{"o": 1},"$set":{"s":[1 , 2]},"offset":-5,"timestamp":"x\u0041","properties":{ "a" : 1e3 },)"
        R"("event":"n\u0061me","uuid":"0190F3C26B1E4C6A9D4E1F0F2A3B4C5D","$distinct_id":12.50,"api_key":" t ","type":"gone"})");
    ASSERT_EQ(events.size(), 1);
    EXPECT_EQ(
        data_text(events[0].data),
        R"({"token":" t ","distinct_id":12.50,"uuid":"0190f3c2-6b1e-4c6a-9d4e-1f0f2a3b4c5d","event":"n\u0061me",)"
        R"("properties":{ "a" : 1e3 },"timestamp":"x\u0041","offset":-5,"$set":{"s":[1 , 2]},"$set_once":{"o": 1}})");
}

TEST_F(ProcessorTest, WritesNoMoreDataThanThereIs) {
    EXPECT_EQ(
        data_text(
            process(
                R"({"event":"a","properties":{"distinct_id":"d"},"token":null,"offset":null})")[0]
                .data),
        R"({"uuid":null,"event":"a","properties":{"distinct_id":"d"}})");
    EXPECT_EQ(
        data_text(process(R"({"token":"b","batch":[{"event":"a","distinct_id":"d"}]})")[0].data),
        R"({"distinct_id":"d","uuid":null,"event":"a","properties":{}})");
}

TEST_F(ProcessorTest, ReadsTheCookielessFlag) {
    EXPECT_TRUE(
        process(R"({"event":"a","distinct_id":"d","properties":{"$cookieless_mode":true}})")[0]
            .cookieless);
    EXPECT_FALSE(
        process(R"({"event":"a","distinct_id":"d","properties":{"$cookieless_mode":false}})")[0]
            .cookieless);
}

TEST_F(ProcessorTest, MakesUuidsWithTheEventsTime) {
    auto const events =
        process(R"([{"event":"a","distinct_id":"d","timestamp":"2020-01-02T03:04:05.678Z"},)"
                R"({"event":"a","distinct_id":"d","timestamp":"1960-01-01T00:00:00Z"},)"
                R"({"event":"a","distinct_id":"d"}])");
    ASSERT_EQ(events.size(), 3);
    EXPECT_EQ(events[0].uuid.version(), 7);
    EXPECT_EQ(events[0].uuid.v7_millis(), 1'577'934'245'678U);
    EXPECT_EQ(events[1].uuid.v7_millis(), 0U);
    EXPECT_EQ(events[2].uuid.v7_millis(), static_cast<std::uint64_t>(kTestNow.millis()));
    EXPECT_FALSE(events[0].data.uuid);
}

TEST_F(ProcessorTest, StripsGatewayPropertiesFromAiEvents) {
    auto const events = process(
        R"([{"event":"$ai_generation","distinct_id":"d","properties":{"$ai_gateway":1 , "a": 2,"$ai_gateway_key":{"x":[1]},)"
        R"("$ai_gatewayed":"s" , "b":3}},)"
        R"({"event":"$ai_whatever","distinct_id":"d","properties":{ "\u0024ai_gateway_a":1 }},)"
        R"({"event":"other","distinct_id":"d","properties":{"$ai_gateway":1}},)"
        R"({"event":"$ai_span","distinct_id":"d","properties":{"$ai_gate":1,"n":{"$ai_gateway":1}}}])");
    ASSERT_EQ(events.size(), 4);
    EXPECT_EQ(
        data_text(events[0].data),
        R"({"distinct_id":"d","uuid":null,"event":"$ai_generation","properties":{"a": 2,"b":3}})");
    EXPECT_EQ(data_text(events[1].data),
              R"({"distinct_id":"d","uuid":null,"event":"$ai_whatever","properties":{}})");
    EXPECT_EQ(data_text(events[2].data),
              R"({"distinct_id":"d","uuid":null,"event":"other","properties":{"$ai_gateway":1}})");
    EXPECT_EQ(
        data_text(events[3].data),
        R"({"distinct_id":"d","uuid":null,"event":"$ai_span","properties":{"$ai_gate":1,"n":{"$ai_gateway":1}}})");
}

TEST_F(ProcessorTest, ReroutesOldAnalyticsEvents) {
    options_.reroute_historical = true;
    options_.historical_threshold_days = 2;
    auto const events =
        process(R"([{"event":"a","distinct_id":"d","timestamp":"2026-06-29T12:00:00.5Z"},)"
                R"({"event":"a","distinct_id":"d","timestamp":"2026-06-29T12:00:00.501Z"},)"
                R"({"event":"$exception","distinct_id":"d","timestamp":"2020-01-01T00:00:00Z"},)"
                R"({"event":"$ai_span","distinct_id":"d","timestamp":"2020-01-01T00:00:00Z"}])");
    ASSERT_EQ(events.size(), 4);
    EXPECT_EQ(events[0].kind, EventKind::AnalyticsHistorical);
    EXPECT_EQ(events[1].kind, EventKind::AnalyticsMain);
    EXPECT_EQ(events[2].kind, EventKind::Exception);
    EXPECT_EQ(events[3].kind, EventKind::Ai);
    EXPECT_EQ(probe_.rerouted.value(), 1);
}

TEST_F(ProcessorTest, MeasuresReroutingWithTheRealClock) {
    options_.reroute_historical = true;
    clock_.set(kTestNow.plus_millis(-86'400'000));
    EXPECT_EQ(
        process(R"({"event":"a","distinct_id":"d","timestamp":"2026-06-30T12:00:00.5Z"})")[0].kind,
        EventKind::AnalyticsMain);
}

TEST_F(ProcessorTest, ReroutesNothingByDefault) {
    EXPECT_EQ(
        process(R"({"event":"a","distinct_id":"d","timestamp":"2020-01-01T00:00:00Z"})")[0].kind,
        EventKind::AnalyticsMain);
    EXPECT_EQ(probe_.rerouted.value(), 0);
}

TEST_F(ProcessorTest, AppendsToWhatIsThere) {
    std::vector<model::Event> events(1);
    auto const batch = read(R"({"event":"a","distinct_id":"d"})");
    ASSERT_TRUE(batch);
    Processor processor(options_, probe_, clock_);
    ASSERT_TRUE(processor.process(*batch, {"t", "i", now_, {}}, arena_, events));
    EXPECT_EQ(events.size(), 2);
}

}  // namespace
}  // namespace capture::parse::analytics_v0
