#include "parse/analytics_v0/reader.h"

#include "parse/analytics_v0/fixture.h"

namespace capture::parse::analytics_v0 {
namespace {

using ReaderTest = AnalyticsFixture;

TEST_F(ReaderTest, ReadsAnArrayOfEvents) {
    auto const batch = read(R"([{"event":"a","distinct_id":"x"},{"event":"b","extra":[1]}])");
    ASSERT_TRUE(batch);
    ASSERT_EQ(batch->events.size(), 2);
    EXPECT_TRUE(batch->is_array);
    EXPECT_FALSE(batch->batch_token);
    EXPECT_EQ(batch->events[0].name, "a");
    EXPECT_EQ(batch->events[0].distinct_id, "\"x\"");
    EXPECT_EQ(batch->events[1].name, "b");
}

TEST_F(ReaderTest, ReadsABatch) {
    auto const batch = read(
        R"({"api_key":"phc_x","batch":[{"event":"a"},{"event":"b"}],"historical_migration":true,)"
        R"("sent_at":"2026-07-01T11:00:00.5+02:00","extra":{}})");
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->events.size(), 2);
    EXPECT_EQ(batch->batch_token, "phc_x");
    EXPECT_TRUE(batch->historical_migration);
    EXPECT_FALSE(batch->is_array);
    ASSERT_TRUE(batch->sent_at);
    EXPECT_EQ(batch->sent_at->offset_minutes, 120);
    EXPECT_EQ(batch->sent_at->at, (base::Instant{1'782'896'400, 500'000'000}));
}

TEST_F(ReaderTest, BatchFieldsComeInAnyOrderAndTokenUnderTwoNames) {
    auto const batch = read(
        R"({"sent_at":null,"batch":[{"event":"a"}],"historical_migration":null,"token":"t\u0031"})");
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->batch_token, "t1");
    EXPECT_FALSE(batch->historical_migration);
    EXPECT_FALSE(batch->sent_at);
    EXPECT_EQ(batch->events.size(), 1);
}

TEST_F(ReaderTest, ABatchMayBeEmptyAndMayCarryFieldsOfAnEvent) {
    auto const empty = read(R"({"token":"t","batch":[]})");
    ASSERT_TRUE(empty);
    EXPECT_TRUE(empty->events.empty());
    // Mistyped event fields are unknown fields of a batch.
    auto const odd = read(
        R"({"token":"t","event":"e","properties":null,"offset":"x","$token":5,"batch":[{"event":"a"}]})");
    ASSERT_TRUE(odd);
    ASSERT_EQ(odd->events.size(), 1);
    EXPECT_EQ(odd->events[0].name, "a");
    EXPECT_EQ(odd->batch_token, "t");
}

TEST_F(ReaderTest, IgnoresAnUnreadableSentAt) {
    for (std::string_view const text :
         {"", "yesterday", "2026-07-01", "2026-07-01 11:00:00Z", "2026-07-01T11:00:00"}) {
        auto const batch =
            read(R"({"token":"t","batch":[{"event":"a"}],"sent_at":")" + std::string(text) + "\"}");
        ASSERT_TRUE(batch);
        EXPECT_TRUE(batch->batch_token);
        EXPECT_FALSE(batch->sent_at) << text;
    }
}

TEST_F(ReaderTest, ReadsASingleEventWithEveryField) {
    auto const batch = read(
        R"({"token":"t\u0031","distinct_id":{"a":1},"uuid":"{0190F3C2-6b1e-7c6a-9d4e-1f0f2a3b4c5d}","event":"n\u0061me",)"
        R"("properties":{"a":1},"timestamp":"2026\u002d07","offset":-12,"$set":{"b":2},"$set_once":{},"library":"x"})");
    ASSERT_TRUE(batch);
    ASSERT_EQ(batch->events.size(), 1);
    model::ParsedEvent const& event = batch->events[0];
    EXPECT_FALSE(batch->is_array);
    EXPECT_EQ(event.token, "t1");
    EXPECT_EQ(event.token_json, R"("t\u0031")");
    EXPECT_EQ(event.distinct_id, R"({"a":1})");
    ASSERT_TRUE(event.uuid);
    EXPECT_EQ(event.uuid->version(), 7);
    EXPECT_EQ(event.name, "name");
    EXPECT_EQ(event.name_json, R"("n\u0061me")");
    EXPECT_EQ(event.properties, R"({"a":1})");
    EXPECT_EQ(event.timestamp, "2026-07");
    EXPECT_EQ(event.timestamp_json, R"("2026\u002d07")");
    EXPECT_EQ(event.offset, -12);
    EXPECT_EQ(event.offset_json, "-12");
    EXPECT_EQ(event.set, R"({"b":2})");
    EXPECT_EQ(event.set_once, "{}");
}

TEST_F(ReaderTest, KnowsAliasesAndEscapedNames) {
    for (std::string_view const name : {"token", "$token", "api_key", "tok\\u0065n"}) {
        auto const batch = read("{\"event\":\"a\",\"" + std::string(name) + "\":\"t\"}");
        ASSERT_TRUE(batch);
        EXPECT_EQ(batch->events[0].token, "t") << name;
    }
    auto const batch = read(R"({"event":"a","$distinct_id":7})");
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->events[0].distinct_id, "7");
}

TEST_F(ReaderTest, NullsAreAbsent) {
    auto const batch = read(
        R"({"event":"a","token":null,"distinct_id":null,"uuid":null,"timestamp":null,"offset":null,)"
        R"("$set":null,"$set_once":null})");
    ASSERT_TRUE(batch);
    model::ParsedEvent const& event = batch->events[0];
    EXPECT_FALSE(event.token);
    EXPECT_EQ(event.distinct_id, "");
    EXPECT_FALSE(event.uuid);
    EXPECT_EQ(event.timestamp_json, "");
    EXPECT_FALSE(event.offset);
    EXPECT_EQ(event.set, "");
    EXPECT_EQ(event.set_once, "");
    EXPECT_EQ(event.properties, "");
}

TEST_F(ReaderTest, ReadsEveryUuidForm) {
    for (std::string_view const text :
         {"0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d", "0190F3C26B1E7C6A9D4E1F0F2A3B4C5D",
          "{0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d}", "urn:uuid:0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d",
          "00000000-0000-0000-0000-000000000000"}) {
        auto const batch = read(R"({"event":"a","uuid":")" + std::string(text) + "\"}");
        ASSERT_TRUE(batch) << text;
        EXPECT_TRUE(batch->events[0].uuid);
    }
    auto const none = read(R"({"event":"a","uuid":""})");
    ASSERT_TRUE(none);
    EXPECT_FALSE(none->events[0].uuid);
}

TEST_F(ReaderTest, TakesOffsetsOf64Bits) {
    for (std::string_view const text : {"0", "-9223372036854775808", "9223372036854775807"}) {
        auto const batch = read("{\"event\":\"a\",\"offset\": " + std::string(text) + " }");
        ASSERT_TRUE(batch);
        EXPECT_EQ(batch->events[0].offset_json, text);
    }
}

TEST_F(ReaderTest, BrokenBatchesWithANameAreSingleEvents) {
    for (std::string_view const text :
         {R"({"token":"t","event":"e","batch":null})", R"({"token":"t","event":"e","batch":{}})",
          R"({"event":"e","batch":[{"event":"a"}]})",
          R"({"token":"t","event":"e","batch":[{"event":"a"},{}]})",
          R"({"token":"t","event":"e","batch":[1]})",
          R"({"token":"t","event":"e","batch":[["a"]]})",
          R"({"$token":"t","event":"e","batch":[{"event":"a"}]})",
          R"({"token":null,"event":"e","batch":[{"event":"a"}]})",
          R"({"token":"t","event":"e","batch":[{"event":"a"}],"batch":[]})",
          R"({"token":"t","event":"e","batch":[{"event":"a"}],"sent_at":1})",
          R"({"token":"t","event":"e","batch":[{"event":"a"}],"historical_migration":"true"})",
          R"({"token":"t","event":"e","batch":[{"event":"a","offset":1.5}]})"}) {
        auto const batch = read(text);
        ASSERT_TRUE(batch) << text;
        EXPECT_FALSE(batch->batch_token) << text;
        ASSERT_EQ(batch->events.size(), 1) << text;
        EXPECT_EQ(batch->events[0].name, "e") << text;
    }
}

TEST_F(ReaderTest, NamelessEventsIdentifyOnEngage) {
    for (std::string_view const text :
         {R"({"token":"t","distinct_id":"d","$set":{"a":1}})",
          R"({"token":"t","distinct_id":"d","$set":{"a":1},"event":5})",
          R"({"token":"t","distinct_id":"d","$set":{"a":1},"event":null})",
          R"({"event":"a","token":"t","distinct_id":"d","$set":{"a":1},"event":"b"})"}) {
        auto const batch = read(text, true);
        ASSERT_TRUE(batch) << text;
        ASSERT_EQ(batch->events.size(), 1);
        EXPECT_EQ(batch->events[0].name, "$identify");
        EXPECT_EQ(batch->events[0].name_json, "\"$identify\"");
        EXPECT_EQ(batch->events[0].set, R"({"a":1})");
        EXPECT_EQ(batch->events[0].token, "t");
    }
    ASSERT_TRUE(read("{}", true));
    auto const named = read(R"({"event":"own"})", true);
    ASSERT_TRUE(named);
    EXPECT_EQ(named->events[0].name, "own");
    auto const broken = read(R"({"batch":[{"event":"a"}]})", true);
    ASSERT_TRUE(broken);
    EXPECT_EQ(broken->events[0].name, "$identify");
}

TEST_F(ReaderTest, CollectsTheFactsOfProperties) {
    auto const batch = read(
        R"({"event":"a","properties":{"token":"t\u0031","distinct_id":5,"$lib":"web","$lib_version":"1.2",)"
        R"("$cookieless_mode":true,"$ignore_sent_at":true,"capture_internal":null,"$product_tour_id":"p",)"
        R"("$heatmap_data":{},"$prev_pageview_pathname":"/","$current_url":"u","$ai_gateway_x":1}})");
    ASSERT_TRUE(batch);
    model::PropertyFacts const& facts = batch->events[0].facts;
    EXPECT_EQ(facts.token, "t1");
    EXPECT_EQ(facts.distinct_id, "5");
    EXPECT_EQ(facts.lib, "web");
    EXPECT_EQ(facts.lib_version, "1.2");
    EXPECT_EQ(facts.cookieless, model::Cookieless::True);
    EXPECT_TRUE(facts.ignore_sent_at);
    EXPECT_TRUE(facts.capture_internal);
    EXPECT_TRUE(facts.product_tour_id);
    EXPECT_TRUE(facts.heatmap_data);
    EXPECT_TRUE(facts.prev_pageview_pathname);
    EXPECT_TRUE(facts.current_url);
    EXPECT_TRUE(facts.ai_gateway);
}

TEST_F(ReaderTest, PropertyFactsNeedTopLevelKeysOfTheRightType) {
    auto const batch = read(
        R"({"event":"a","properties":{"token":5,"distinct_id":null,"$lib":["web"],"$lib_version":{},)"
        R"("$ignore_sent_at":"true","x":{"capture_internal":1,"$heatmap_data":1,"$cookieless_mode":true}}})");
    ASSERT_TRUE(batch);
    model::PropertyFacts const& facts = batch->events[0].facts;
    EXPECT_FALSE(facts.token);
    EXPECT_EQ(facts.distinct_id, "");
    EXPECT_EQ(facts.lib, "");
    EXPECT_EQ(facts.lib_version, "");
    EXPECT_EQ(facts.cookieless, model::Cookieless::Absent);
    EXPECT_FALSE(facts.ignore_sent_at);
    EXPECT_FALSE(facts.capture_internal);
    EXPECT_FALSE(facts.heatmap_data);
    EXPECT_EQ(facts.parts, nullptr);
}

TEST_F(ReaderTest, OfDuplicatePropertiesTheLastWins) {
    auto const batch = read(
        R"({"event":"a","properties":{"token":"a","token":"b","distinct_id":"x","distinct_id":null,)"
        R"("$lib":"a","$lib":1,"$cookieless_mode":true,"$cookieless_mode":false,)"
        R"("$ignore_sent_at":true,"$ignore_sent_at":1,"\u0024cookieless_mode":"x"}})");
    ASSERT_TRUE(batch);
    model::PropertyFacts const& facts = batch->events[0].facts;
    EXPECT_EQ(facts.token, "b");
    EXPECT_EQ(facts.distinct_id, "");
    EXPECT_EQ(facts.lib, "");
    EXPECT_EQ(facts.cookieless, model::Cookieless::Invalid);
    EXPECT_FALSE(facts.ignore_sent_at);
}

TEST_F(ReaderTest, AcceptsDuplicatesOfUnknownFields) {
    auto const batch = read(R"({"event":"a","type":1,"type":2,"properties":{"a":1,"a":2}})");
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->events[0].properties, R"({"a":1,"a":2})");
}

TEST_F(ReaderTest, ChargesTheEventsToTheBudget) {
    auto const batch = read(R"([{"event":"a"},{"event":"b"},{"event":"c"}])");
    ASSERT_TRUE(batch);
    EXPECT_GE(batch->events_charge.bytes(),
              3 * (sizeof(model::ParsedEvent) + sizeof(model::Event)));
    EXPECT_EQ(budget_.used(), batch->events_charge.bytes());
}

TEST_F(ReaderTest, ReadsBatchesOfManyWindows) {
    std::string text = R"({"batch":[)";
    constexpr std::size_t kCount = 20'000;
    for (std::size_t i = 0; i < kCount; ++i) {
        if (i > 0) text += ',';
        text += R"({"event":"e)" + std::to_string(i) +
                R"(","distinct_id":"d","properties":{"a":"b\"c","n":[1,2,{"x":null}]}})";
    }
    auto const batch = read(text + R"(],"token":"t"})");
    ASSERT_TRUE(batch);
    ASSERT_EQ(batch->events.size(), kCount);
    EXPECT_EQ(batch->events[kCount - 1].name, "e19999");
    EXPECT_EQ(batch->events[12'345].properties, R"({"a":"b\"c","n":[1,2,{"x":null}]})");
}

TEST_F(ReaderTest, DropsPerformanceEventsSilently) {
    auto batch =
        read(R"([{"event":"$performance_event"},{"event":"a"},{"event":"$performance_events"}])");
    ASSERT_TRUE(batch);
    ASSERT_TRUE(drop_performance_events(*batch));
    ASSERT_EQ(batch->events.size(), 2);
    EXPECT_EQ(batch->events[0].name, "a");
    auto only = read(R"([{"event":"$performance_event"}])");
    ASSERT_TRUE(only);
    ASSERT_TRUE(drop_performance_events(*only));
    EXPECT_TRUE(only->events.empty());
}

}  // namespace
}  // namespace capture::parse::analytics_v0
