#include "parse/analytics_v0/fixture.h"

namespace capture::parse::analytics_v0 {
namespace {

class ProcessorErrors : public AnalyticsFixture {
  protected:
    std::string error_of(std::string_view text) {
        EXPECT_TRUE(process(text).empty());
        return error_;
    }
};

TEST_F(ProcessorErrors, AnEmptyName) {
    EXPECT_EQ(error_of(R"({"event":"","distinct_id":"d"})"),
              "event submitted with an empty event name");
    EXPECT_EQ(error_of(R"({"event":""})"), "event submitted with an empty event name");
}

TEST_F(ProcessorErrors, AMissingDistinctId) {
    for (std::string_view const fields :
         {R"("a":1)", R"("distinct_id":null)", R"("distinct_id":"")",
          R"("distinct_id":"  \t\u3000")", R"("distinct_id":"","properties":{"distinct_id":"d"})",
          R"("properties":{"distinct_id":null})", R"("properties":{"distinct_id":""})",
          R"("properties":{"$distinct_id":"d"})"}) {
        EXPECT_EQ(error_of(R"({"event":"a",)" + std::string(fields) + "}"),
                  "event submitted without a distinct_id")
            << fields;
    }
}

TEST_F(ProcessorErrors, AnInvalidCookielessFlag) {
    for (std::string_view const value : {"null", "\"true\"", "1", "{}", "[]"}) {
        EXPECT_EQ(error_of(R"({"event":"a","distinct_id":"d","properties":{"$cookieless_mode":)" +
                           std::string(value) + "}}"),
                  "event submitted with invalid cookieless mode");
    }
}

TEST_F(ProcessorErrors, TheFirstBadEventDecides) {
    EXPECT_EQ(
        error_of(
            R"([{"event":"a","distinct_id":"d"},{"event":"b"},{"event":"","distinct_id":"d"}])"),
        "event submitted without a distinct_id");
}

TEST_F(ProcessorErrors, ComeInTheOrderOfTheChecks) {
    EXPECT_EQ(error_of(R"({"event":"a","properties":{"$cookieless_mode":1}})"),
              "event submitted without a distinct_id");
}

TEST_F(ProcessorErrors, TimestampsAreCountedEvenForEventsRefusedAfterThem) {
    error_of(R"({"event":"a"})");
    EXPECT_EQ(path_count(TimestampPath::NowFallback), 1);
    error_of(R"({"event":"","distinct_id":"d"})");
    EXPECT_EQ(path_count(TimestampPath::NowFallback), 1);
}

TEST_F(ProcessorErrors, IdsThatTheBudgetDoesNotHold) {
    std::string text = R"({"event":"a","distinct_id":")";
    for (int i = 0; i < 10'000; ++i)
        text += R"(\u00e9)";
    ASSERT_TRUE(body_.text.append(text + R"("})"));
    base::Budget small(20'000, 20'000);
    base::Arena arena;
    auto const batch = reader_.read(body_, false, arena, &small);
    ASSERT_TRUE(batch);
    Processor processor(options_, probe_, clock_);
    auto const done =
        processor.process(*batch, {"t", "203.0.113.7", now_, std::nullopt}, arena, events_);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, model::Code::ServiceUnavailable);
}

TEST_F(ProcessorErrors, AHeatmapSplitDoesNotHideThem) {
    EXPECT_EQ(error_of(R"({"event":"a","properties":{"$heatmap_data":1}})"),
              "event submitted without a distinct_id");
    EXPECT_EQ(
        error_of(
            R"({"event":"a","distinct_id":"d","properties":{"$heatmap_data":1,"$cookieless_mode":"x"}})"),
        "event submitted with invalid cookieless mode");
    EXPECT_EQ(error_of(R"({"event":"","distinct_id":"d","properties":{"$heatmap_data":1}})"),
              "event submitted with an empty event name");
    EXPECT_EQ(probe_.heatmap_redirects.value(), 0);
}

}  // namespace
}  // namespace capture::parse::analytics_v0
