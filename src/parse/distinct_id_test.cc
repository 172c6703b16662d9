#include "parse/distinct_id.h"

#include "parse/analytics_v0/fixture.h"

namespace capture::parse::analytics_v0 {
namespace {

class DistinctIdTest : public AnalyticsFixture {
  protected:
    std::string id_of(std::string_view value) {
        auto const events = process(R"({"event":"a","distinct_id":)" + std::string(value) + "}");
        return events.size() == 1 ? std::string(events[0].distinct_id) : error_;
    }
};

TEST_F(DistinctIdTest, StringsStayAsTheyAre) {
    EXPECT_EQ(id_of("\"u1\""), "u1");
    EXPECT_EQ(id_of(R"("a\u0062\"\n")"), "ab\"\n");
    EXPECT_EQ(id_of("\"undefined\""), "undefined");
    EXPECT_EQ(id_of("\"null\""), "null");
    EXPECT_EQ(id_of("\"0\""), "0");
}

TEST_F(DistinctIdTest, OtherValuesBecomeCompactJson) {
    EXPECT_EQ(id_of("23"), "23");
    EXPECT_EQ(id_of("23.4"), "23.4");
    EXPECT_EQ(id_of("true"), "true");
    EXPECT_EQ(id_of("false"), "false");
    EXPECT_EQ(id_of(R"([ "a" , "b" ])"), R"(["a","b"])");
    EXPECT_EQ(id_of(R"({ "string" : "a", "number": 3 })"), R"({"number":3,"string":"a"})");
    EXPECT_EQ(id_of("[]"), "[]");
    EXPECT_EQ(id_of("{}"), "{}");
}

TEST_F(DistinctIdTest, ComesFromPropertiesWhenTheEventHasNone) {
    EXPECT_EQ(process(R"({"event":"a","distinct_id":null,"properties":{"distinct_id":7}})")[0]
                  .distinct_id,
              "7");
    EXPECT_EQ(process(R"({"event":"a","distinct_id":"t","properties":{"distinct_id":"p"}})")[0]
                  .distinct_id,
              "t");
}

TEST_F(DistinctIdTest, NulBecomesTheReplacementCharacter) {
    EXPECT_EQ(id_of(R"("a\u0000b\u0000")"),
              "a\xef\xbf\xbd"
              "b\xef\xbf\xbd");
    EXPECT_EQ(id_of(R"("\u0000")"), "\xef\xbf\xbd");
}

TEST_F(DistinctIdTest, WhiteSpaceAroundItIsKeptAndCounted) {
    EXPECT_EQ(id_of("\" a\""), " a");
    EXPECT_EQ(id_of(R"("a\n")"), "a\n");
    EXPECT_EQ(id_of("\"\xe2\x80\x89"
                    "a\""),
              "\xe2\x80\x89"
              "a");
    EXPECT_EQ(probe_.distinct_id_whitespace.value(), 3);
    EXPECT_EQ(id_of("\"a b\""), "a b");
    EXPECT_EQ(id_of("\"\xc3\xa9\""), "\xc3\xa9");
    EXPECT_EQ(id_of("\"\x7f\""), "\x7f");
    EXPECT_EQ(probe_.distinct_id_whitespace.value(), 3);
}

TEST_F(DistinctIdTest, OfWhiteSpaceOnlyIsMissing) {
    for (std::string_view const text :
         {" ", "\\t\\n\\u000b\\f\\r", "\xc2\x85\xc2\xa0", "\xe1\x9a\x80",
          "\xe2\x80\xa8\xe2\x80\xa9", "\xe2\x80\xaf\xe2\x81\x9f\xe3\x80\x80"}) {
        EXPECT_EQ(id_of("\"" + std::string(text) + "\""), "event submitted without a distinct_id")
            << text;
    }
    // Zero width space is not white space.
    EXPECT_EQ(id_of("\"\xe2\x80\x8b\""), "\xe2\x80\x8b");
}

TEST_F(DistinctIdTest, IsCutTo200Characters) {
    std::string const ascii(200, 'x');
    EXPECT_EQ(id_of("\"" + ascii + "\""), ascii);
    EXPECT_FALSE(events_[0].distinct_id_truncated);
    EXPECT_EQ(id_of("\"" + ascii + "y\""), ascii);
    EXPECT_TRUE(events_[0].distinct_id_truncated);
    EXPECT_EQ(events_[0].data.distinct_id.size(), 203);
    std::string wide;
    for (int i = 0; i < 200; ++i)
        wide += "\xf0\x9f\x98\x80";
    EXPECT_EQ(id_of("\"" + wide + "\""), wide);
    EXPECT_FALSE(events_[0].distinct_id_truncated);
    EXPECT_EQ(id_of("\"" + wide + "\xc3\xa9\""), wide);
    EXPECT_TRUE(events_[0].distinct_id_truncated);
}

TEST_F(DistinctIdTest, OfLargeValuesIsCutToo) {
    std::string array = "[1";
    for (int i = 0; i < 100'000; ++i)
        array += ",1";
    EXPECT_EQ(id_of(array + "]"), array.substr(0, 200));
    EXPECT_TRUE(events_[0].distinct_id_truncated);
    std::string nested = std::string(100, '[') + std::string(100, ']');
    EXPECT_EQ(id_of(nested), nested);
    EXPECT_FALSE(events_[0].distinct_id_truncated);
    nested = "[" + nested + "]";
    EXPECT_EQ(id_of(nested), nested.substr(0, 200));
    EXPECT_TRUE(events_[0].distinct_id_truncated);
}

}  // namespace
}  // namespace capture::parse::analytics_v0
