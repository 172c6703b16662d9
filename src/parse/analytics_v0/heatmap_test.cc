#include "parse/analytics_v0/fixture.h"
#include "parse/analytics_v0/properties.h"

namespace capture::parse::analytics_v0 {
namespace {

using HeatmapSplit = AnalyticsFixture;

TEST_F(HeatmapSplit, MakesTwoRecordsOfOneEvent) {
    auto const events = process(
        R"({"event":"$pageleave","token":"t","distinct_id":"d","uuid":"0190f3c2-6b1e-4c6a-9d4e-1f0f2a3b4c5d",)"
        R"("timestamp":"2026-07-01T11:00:00Z","offset":1000,"$set":{"a":1},"$set_once":{"b":1},)"
        R"("properties":{"a":1,"$heatmap_data":{"x":[1,{"y":2}]} ,"$session_id":"s","b":2}})");
    ASSERT_EQ(events.size(), 2);
    EXPECT_TRUE(events[0].skip_heatmap_processing);
    EXPECT_EQ(events[0].kind, model::EventKind::AnalyticsMain);
    EXPECT_EQ(
        data_text(events[0].data),
        R"({"token":"t","distinct_id":"d","uuid":"0190f3c2-6b1e-4c6a-9d4e-1f0f2a3b4c5d","event":"$pageleave",)"
        R"("properties":{"a":1,"$session_id":"s","b":2},"timestamp":"2026-07-01T11:00:00Z","offset":1000,)"
        R"("$set":{"a":1},"$set_once":{"b":1}})");
    EXPECT_EQ(events[1].name, "$$heatmap");
    EXPECT_EQ(events[1].kind, model::EventKind::Heatmap);
    EXPECT_FALSE(events[1].skip_heatmap_processing);
    EXPECT_EQ(events[1].distinct_id, "d");
    EXPECT_EQ(events[1].timestamp, events[0].timestamp);
    EXPECT_EQ(events[1].uuid.version(), 7);
    EXPECT_EQ(events[1].uuid.v7_millis(), static_cast<std::uint64_t>(events[1].timestamp.millis()));
    EXPECT_EQ(
        data_text(events[1].data),
        R"({"token":"t","distinct_id":"d","uuid":null,"event":"$$heatmap",)"
        R"("properties":{"$heatmap_data":{"x":[1,{"y":2}]},"$session_id":"s"},"timestamp":"2026-07-01T11:00:00Z",)"
        R"("offset":1000})");
    EXPECT_EQ(probe_.heatmap_redirects.value(), 1);
    EXPECT_EQ(path_count(TimestampPath::Offset), 2);
}

TEST_F(HeatmapSplit, NeedsHeatmapDataOrBothOfAPair) {
    struct Row {
        const char* properties;
        std::size_t records;
    };
    for (Row const& row :
         {Row{R"("$heatmap_data":null)", 2},
          Row{R"("$prev_pageview_pathname":"/","$current_url":"u")", 2},
          Row{R"("$prev_pageview_pathname":"/")", 1}, Row{R"("$current_url":"u")", 1},
          Row{R"("x":{"$heatmap_data":1})", 1}, Row{R"("\u0024heatmap_data":1)", 2}}) {
        EXPECT_EQ(process(R"({"event":"a","distinct_id":"d","properties":{)" +
                          std::string(row.properties) + "}}")
                      .size(),
                  row.records)
            << row.properties;
    }
}

TEST_F(HeatmapSplit, LeavesHeatmapEventsAlone) {
    auto const events = process(
        R"({"event":"$$heatmap","distinct_id":"d","properties":{"$heatmap_data":{"a":1}}})");
    ASSERT_EQ(events.size(), 1);
    EXPECT_FALSE(events[0].skip_heatmap_processing);
    EXPECT_EQ(
        data_text(events[0].data),
        R"({"distinct_id":"d","uuid":null,"event":"$$heatmap","properties":{"$heatmap_data":{"a":1}}})");
}

TEST_F(HeatmapSplit, KeepsTheOriginalsBytesWhenNothingIsRemoved) {
    auto const events = process(
        R"({"event":"a","distinct_id":"d","properties":{ "$prev_pageview_pathname" : "/", "$current_url":"u"}})");
    ASSERT_EQ(events.size(), 2);
    EXPECT_FALSE(events[0].data.edited);
    EXPECT_EQ(events[0].data.properties,
              R"({ "$prev_pageview_pathname" : "/", "$current_url":"u"})");
}

TEST_F(HeatmapSplit, CopiesTheListedPropertiesOnly) {
    std::string properties = R"("$ignore_sent_at":true,"capture_internal":true,"other":1)";
    for (std::string_view const key : kHeatmapProperties) {
        properties += ",\"";
        properties += key;
        properties += key == "$cookieless_mode" ? "\":true" : "\":\"v\"";
    }
    auto const events =
        process(R"({"event":"a","distinct_id":"d","properties":{)" + properties + "}}");
    ASSERT_EQ(events.size(), 2);
    EXPECT_EQ(events[1].data.members.size(), kHeatmapProperties.size());
    std::string const data = data_text(events[1].data);
    for (std::string_view const key : kHeatmapProperties) {
        EXPECT_NE(data.find("\"" + std::string(key) + "\":"), std::string::npos) << key;
    }
    EXPECT_EQ(data.find("ignore_sent_at"), std::string::npos);
    EXPECT_EQ(data.find("capture_internal"), std::string::npos);
    EXPECT_EQ(data.find("other"), std::string::npos);
    EXPECT_TRUE(events[1].cookieless);
    EXPECT_EQ(events[0].ip, "127.0.0.1");
    EXPECT_EQ(events[1].ip, "203.0.113.7");
}

TEST_F(HeatmapSplit, ComputesItsOwnTimestampWithoutTheCopiedFlags) {
    sent_at_ = model::SentAt{kTestNow.plus_millis(-10'000), 0};
    auto const events =
        process(R"({"event":"a","distinct_id":"d","timestamp":"2026-07-01T11:00:00Z",)"
                R"("properties":{"$heatmap_data":1,"$ignore_sent_at":true}})");
    ASSERT_EQ(events.size(), 2);
    EXPECT_EQ(events[1].timestamp.millis_since(events[0].timestamp), 10'000);
    EXPECT_EQ(path_count(TimestampPath::TimestampRaw), 1);
    EXPECT_EQ(path_count(TimestampPath::SentAtSkew), 1);
    EXPECT_EQ(probe_.clock_skew.count(), 1);
}

TEST_F(HeatmapSplit, UsesTheStringifiedDistinctId) {
    EXPECT_EQ(
        process(
            R"({"event":"a","distinct_id":{"b":1,"a":"\""},"properties":{"$heatmap_data":1}})")[1]
            .data.distinct_id,
        R"("{\"a\":\"\\\"\",\"b\":1}")");
    EXPECT_EQ(process(R"({"event":"a","properties":{"$heatmap_data":1,"distinct_id":"p"}})")[1]
                  .data.distinct_id,
              "\"p\"");
    auto const events = process(R"({"event":"a","distinct_id":")" + std::string(250, 'x') +
                                R"(","properties":{"$heatmap_data":1}})");
    ASSERT_EQ(events.size(), 2);
    EXPECT_EQ(events[1].data.distinct_id.size(), 202);
    EXPECT_TRUE(events[0].distinct_id_truncated);
    EXPECT_FALSE(events[1].distinct_id_truncated);
}

TEST_F(HeatmapSplit, RemovesEveryHeatmapDataButKeepsTheLastInTheNewEvent) {
    auto const events = process(
        R"({"event":"$ai_span","distinct_id":"d","properties":{"$heatmap_data":1,"$ai_gateway":2,"a":3,"$heatmap_data":4}})");
    ASSERT_EQ(events.size(), 2);
    EXPECT_EQ(data_text(events[0].data),
              R"({"distinct_id":"d","uuid":null,"event":"$ai_span","properties":{"a":3}})");
    EXPECT_EQ(
        data_text(events[1].data),
        R"({"distinct_id":"d","uuid":null,"event":"$$heatmap","properties":{"$heatmap_data":4}})");
}

TEST_F(HeatmapSplit, KeepsItsPlaceInTheBatch) {
    auto const events = process(
        R"([{"event":"a","distinct_id":"d"},)"
        R"({"event":"b","distinct_id":"d","properties":{"$heatmap_data":1}},{"event":"c","distinct_id":"d"}])");
    ASSERT_EQ(events.size(), 4);
    EXPECT_EQ(events[1].name, "b");
    EXPECT_EQ(events[2].name, "$$heatmap");
    EXPECT_EQ(events[3].name, "c");
}

TEST_F(HeatmapSplit, CountsWhiteSpaceOncePerRecord) {
    process(R"({"event":"a","distinct_id":" d","properties":{"$heatmap_data":1}})");
    EXPECT_EQ(probe_.distinct_id_whitespace.value(), 2);
}

}  // namespace
}  // namespace capture::parse::analytics_v0
