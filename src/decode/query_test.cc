#include "decode/query.h"

#include <gtest/gtest.h>

#include <string>

namespace capture::decode {
namespace {

Query good(std::string_view raw) {
    auto query = read_query(raw);
    EXPECT_TRUE(query) << raw << ": " << (query ? "" : query.error().detail);
    return query ? std::move(*query) : Query{};
}

void expect_bad(std::string_view raw) {
    auto const query = read_query(raw);
    ASSERT_FALSE(query) << raw;
    EXPECT_EQ(query.error().code, model::Code::BadQuery) << raw;
    EXPECT_FALSE(query.error().detail.empty()) << raw;
}

TEST(Query, IsEmptyWithoutParameters) {
    Query const query = good("");
    EXPECT_TRUE(query.data.empty());
    EXPECT_FALSE(query.compression);
    EXPECT_FALSE(query.sent_at_millis);
    EXPECT_FALSE(query.beacon);
}

TEST(Query, ReadsWhatSdksSend) {
    Query const query =
        good("compression=gzip-js&ip=1&_=1782900000000&ver=1.100.0&beacon=1&retry_count=3");
    EXPECT_EQ(query.compression, "gzip-js");
    EXPECT_EQ(query.sent_at_millis, 1782900000000);
    EXPECT_TRUE(query.beacon);
}

TEST(Query, DecodesKeysAndValues) {
    EXPECT_EQ(good("d%61ta=%7B%22a%22%3A+1%7D").data, "{\"a\": 1}");
    EXPECT_EQ(good("data=a%FFb").data, "a\uFFFDb");
    EXPECT_EQ(good("compression=GZIP").compression, "GZIP");
}

TEST(Query, IgnoresUnknownParametersHoweverOften) {
    EXPECT_TRUE(good("ver=1&ver=2&ip=x&&=&v&lib_version=%zz&api_key=a&token=b").data.empty());
}

TEST(Query, AcceptsEmptyTexts) {
    EXPECT_TRUE(good("data=").data.empty());
    EXPECT_TRUE(good("data").data.empty());
    EXPECT_EQ(good("compression=").compression, "");
    EXPECT_EQ(good("compression=nonsense").compression, "nonsense");
}

TEST(Query, TakesBothNamesOfTheSendTime) {
    EXPECT_EQ(good("sent_at=1782900000000").sent_at_millis, 1782900000000);
    EXPECT_EQ(good("_=%2B1782900000000").sent_at_millis, 1782900000000);
}

TEST(Query, UsesASendTimeOnlyFrom2021To9999) {
    EXPECT_FALSE(good("_=1782900000").sent_at_millis);     // seconds
    EXPECT_FALSE(good("_=1609459199999").sent_at_millis);  // the last millisecond of 2020
    EXPECT_EQ(good("_=1609459200000").sent_at_millis, 1609459200000);
    EXPECT_EQ(good("_=253402300799999").sent_at_millis, 253402300799999);
    EXPECT_FALSE(good("_=253402300800000").sent_at_millis);
    EXPECT_FALSE(good("_=0").sent_at_millis);
    EXPECT_FALSE(good("_=-5").sent_at_millis);
    EXPECT_FALSE(good("_=9223372036854775807").sent_at_millis);
    EXPECT_FALSE(good("_=-9223372036854775808").sent_at_millis);
}

TEST(Query, RefusesASendTimeThatIsNoInteger) {
    for (const char* raw : {"_=", "_", "_=abc", "_=1.5", "_=1e3", "_=+5", "_=5+", "_=--5",
                            "_=%2B-5", "_=%2B", "_=-", "_=0x10", "_=9223372036854775808",
                            "_=-9223372036854775809", "sent_at=", "sent_at=now", "_=1%00"}) {
        expect_bad(raw);
    }
}

TEST(Query, RefusesAKnownParameterGivenTwice) {
    for (const char* raw :
         {"_=1&_=1", "sent_at=1&sent_at=1", "_=1&sent_at=1", "data=a&data=b", "data=&data",
          "compression=gzip&compression=gzip", "beacon=1&beacon=1", "data=a&d%61ta=b"}) {
        expect_bad(raw);
    }
}

TEST(Query, TakesOnlyTheIntegerOneForABeacon) {
    EXPECT_TRUE(good("beacon=1").beacon);
    EXPECT_TRUE(good("beacon=01").beacon);
    EXPECT_TRUE(good("beacon=%2B1").beacon);
    EXPECT_FALSE(good("beacon=0").beacon);
    EXPECT_FALSE(good("beacon=2").beacon);
    EXPECT_FALSE(good("beacon=-1").beacon);
    for (const char* raw :
         {"beacon=", "beacon", "beacon=true", "beacon=1.0", "beacon=2147483648", "beacon=+1"}) {
        expect_bad(raw);
    }
}

}  // namespace
}  // namespace capture::decode
