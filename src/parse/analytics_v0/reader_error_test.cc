#include "parse/analytics_v0/fixture.h"
#include "parse/analytics_v0/reader.h"

namespace capture::parse::analytics_v0 {
namespace {

using ReaderErrors = AnalyticsFixture;

constexpr const char* kNoShape =
    "failed to parse request: data did not match any variant of untagged enum RawRequest";
constexpr const char* kNoName =
    "failed to hydrate events from request: non-engage request missing event name attribute";

TEST_F(ReaderErrors, SyntaxErrorsSayWhere) {
    EXPECT_EQ(refusal("{\"event\":\n tru}"),
              "failed to parse request: expected value at line 2 column 2");
    EXPECT_EQ(refusal("not json"), "failed to parse request: expected value at line 1 column 1");
    EXPECT_EQ(refusal(R"({"event":"a"} {})"),
              "failed to parse request: trailing characters at line 1 column 15");
    EXPECT_EQ(refusal(R"({"event":"\ud800"})"),
              "failed to parse request: lone surrogate or bad \\u escape at line 1 column 11");
}

TEST_F(ReaderErrors, SyntaxErrorsBeatMisfits) {
    EXPECT_EQ(refusal(R"({"event":"a","properties":null,"x":01})").find(kNoShape),
              std::string::npos);
    EXPECT_EQ(refusal(R"([1,{"x":}])").find("did not match"), std::string::npos);
    EXPECT_NE(refusal(R"([{"event":"a","token":"\x"}])"), "ok");
    EXPECT_NE(refusal(R"({"event":"a","token":"\x"})"), "ok");
    EXPECT_NE(refusal(R"({"event":"a","uuid":"\x"})"), "ok");
    EXPECT_NE(refusal(R"({"event":"\x"})"), "ok");
    EXPECT_NE(refusal(R"({"event":"a","properties":{"token":"\x"}})"), "ok");
    EXPECT_NE(refusal(R"({"event":"a","properties":{"distinct_id":)"), "ok");
}

TEST_F(ReaderErrors, ScalarsFitNothing) {
    for (std::string_view const text : {"1", "\"a\"", "null", "true", "-1.5e3"})
        EXPECT_EQ(refusal(text), kNoShape) << text;
}

TEST_F(ReaderErrors, ArraysOfAnythingButNamedEventsFitNothing) {
    for (std::string_view const text :
         {"[1]", "[[]]", "[null]", "[{}]", R"([{"event":"a"},{}])", R"([{"event":null}])",
          R"([{"event":1}])", R"([{"event":"a","event":"b"}])", R"(["token","id","event"])",
          R"([["token","id","event"]])", R"([{"event":"a"},"b"])"}) {
        EXPECT_EQ(refusal(text), kNoShape) << text;
        EXPECT_EQ(refusal(text, true), kNoShape) << text;
    }
}

TEST_F(ReaderErrors, MistypedFieldsFitNothing) {
    for (std::string_view const field : {R"("token":1)",
                                         R"("token":["a"])",
                                         R"("$token":{})",
                                         R"("api_key":true)",
                                         R"("uuid":1)",
                                         R"("uuid":"nope")",
                                         R"("uuid":"0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5")",
                                         R"("uuid":" ")",
                                         R"("uuid":[])",
                                         R"("properties":null)",
                                         R"("properties":[])",
                                         R"("properties":"x")",
                                         R"("timestamp":1511648546)",
                                         R"("timestamp":{})",
                                         R"("timestamp":false)",
                                         R"("offset":1.0)",
                                         R"("offset":1.5)",
                                         R"("offset":"1")",
                                         R"("offset":1e3)",
                                         R"("offset":9223372036854775808)",
                                         R"("offset":-9223372036854775809)",
                                         R"("offset":[])",
                                         R"("offset":true)",
                                         R"("$set":1)",
                                         R"("$set":[])",
                                         R"("$set":"x")",
                                         R"("$set_once":0)",
                                         R"("$set_once":[{}])"}) {
        std::string const text = R"({"event":"a",)" + std::string(field) + "}";
        EXPECT_EQ(refusal(text), kNoShape) << text;
        EXPECT_EQ(refusal(text, true), kNoShape) << text;
        EXPECT_EQ(refusal("[" + text + "]"), kNoShape) << text;
        std::string const nameless = "{" + std::string(field) + "}";
        EXPECT_EQ(refusal(nameless, true), kNoShape) << nameless;
    }
}

TEST_F(ReaderErrors, FieldsGivenTwiceFitNothing) {
    for (std::string_view const fields :
         {R"("token":"a","token":"a")", R"("token":"a","api_key":"a")",
          R"("$token":"a","token":"a")", R"("token":null,"$token":"a")",
          R"("distinct_id":"a","distinct_id":"a")", R"("distinct_id":null,"$distinct_id":1)",
          R"("uuid":"","uuid":"")", R"("properties":{},"properties":{})",
          R"("timestamp":"","timestamp":null)", R"("offset":1,"offset":1)",
          R"("$set":{},"$set":{})", R"("$set_once":null,"$set_once":null)",
          R"("token":"a","tok\u0065n":"a")"}) {
        std::string const text = R"({"event":"a",)" + std::string(fields) + "}";
        EXPECT_EQ(refusal(text), kNoShape) << text;
        EXPECT_EQ(refusal("[" + text + "]"), kNoShape) << text;
    }
}

TEST_F(ReaderErrors, ObjectsWithoutANameAreRefusedOutsideEngage) {
    for (
        std::string_view const text :
        {"{}", R"({"batch":[{"event":"a"}]})", R"({"api_key":"t","batch":[{}]})",
         R"({"api_key":"t","batch":[{"event":1}]})",
         R"({"api_key":"t","batch":[{"event":"a"}],"historical_migration":1})",
         R"({"api_key":"t","batch":[{"event":"a"}],"historical_migration":true,"historical_migration":true})",
         R"({"api_key":"t","batch":[{"event":"a"}],"sent_at":5})",
         R"({"api_key":"t","batch":[{"event":"a"}],"sent_at":"","sent_at":""})",
         R"({"api_key":null,"batch":[]})", R"({"$token":"t","batch":[]})",
         R"({"api_key":"t","batch":null})", R"({"api_key":"t","batch":[],"batch":[]})",
         R"({"event":null})", R"({"event":5})", R"({"event":"a","event":"a"})",
         R"({"api_key":"t","batch":[["a"]]})"}) {
        EXPECT_EQ(refusal(text), kNoName) << text;
    }
}

TEST_F(ReaderErrors, ABatchWithTwoTokensOrABadOneIsMistypedAsAnEventToo) {
    EXPECT_EQ(refusal(R"({"token":"t","api_key":"t","batch":[{"event":"a"}]})"), kNoShape);
    EXPECT_EQ(refusal(R"({"token":5,"batch":[{"event":"a"}]})"), kNoShape);
    EXPECT_EQ(refusal(R"({"token":"t","api_key":5,"batch":[{"event":"a"}]})"), kNoShape);
    // `$token` is no field of a batch, so this is one.
    EXPECT_EQ(refusal(R"({"$token":"x","token":"t","batch":[{"event":"a"}]})"), "ok");
    EXPECT_EQ(refusal(R"({"token":"t","$token":"x","batch":[{"event":"a"}]})"), "ok");
}

TEST_F(ReaderErrors, RefusesWhatTheBudgetDoesNotHold) {
    std::string text = "[";
    for (int i = 0; i < 10'000; ++i)
        text += R"({"event":"a"},)";
    text += R"({"event":"a"}])";
    ASSERT_TRUE(body_.text.append(text));
    base::Budget small(1'000'000, 1'000'000);
    base::Arena arena;
    auto const batch = reader_.read(body_, false, arena, &small);
    ASSERT_FALSE(batch);
    EXPECT_EQ(batch.error().code, model::Code::ServiceUnavailable);
    EXPECT_EQ(batch.error().detail, "memory budget exhausted");
    EXPECT_EQ(small.used(), 0);
}

TEST_F(ReaderErrors, PropertiesToRemoveAreChargedToo) {
    std::string text = R"({"event":"$ai_x","properties":{)";
    for (int i = 0; i < 10'000; ++i)
        text += R"("$ai_gateway":1,)";
    text += R"("a":1}})";
    ASSERT_TRUE(body_.text.append(text));
    base::Budget small(100'000, 100'000);
    base::Arena arena;
    auto const batch = reader_.read(body_, false, arena, &small);
    ASSERT_FALSE(batch);
    EXPECT_EQ(batch.error().code, model::Code::ServiceUnavailable);
}

TEST_F(ReaderErrors, UnescapedTextsAreChargedToo) {
    std::string text = R"({"event":"a","properties":{)";
    for (int i = 0; i < 10'000; ++i)
        text += R"("\n another key that has to be unescaped to be known":1,)";
    text += R"("a":1}})";
    ASSERT_TRUE(body_.text.append(text));
    base::Budget small(100'000, 100'000);
    base::Budget large(10'000'000, 10'000'000);
    {
        base::Arena arena;
        auto const batch = reader_.read(body_, false, arena, &small);
        ASSERT_FALSE(batch);
        EXPECT_EQ(batch.error().code, model::Code::ServiceUnavailable);
    }
    {
        base::Arena arena;
        EXPECT_TRUE(reader_.read(body_, false, arena, &large));
        EXPECT_GT(large.used(), text.size() / 2);
    }
    EXPECT_EQ(small.used(), 0);
    EXPECT_EQ(large.used(), 0);
}

TEST_F(ReaderErrors, ReadsWithoutABudget) {
    ASSERT_TRUE(body_.text.append(R"({"event":"a"})"));
    EXPECT_TRUE(reader_.read(body_, false, arena_, nullptr));
}

TEST_F(ReaderErrors, NoEventsAtAll) {
    for (std::string_view const text : {"[]", R"({"token":"t","batch":[]})"}) {
        auto batch = read(text);
        ASSERT_TRUE(batch);
        auto const dropped = drop_performance_events(*batch);
        ASSERT_FALSE(dropped);
        EXPECT_EQ(model::body_text(dropped.error()), "request holds no event");
    }
}

}  // namespace
}  // namespace capture::parse::analytics_v0
