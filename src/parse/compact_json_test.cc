#include "parse/compact_json.h"

#include <gtest/gtest.h>

namespace capture::parse {
namespace {

TEST(CompactJson, SortsKeysAndDropsBlanks) {
    EXPECT_EQ(compact_json(R"({ "b" : [ 1 , { "d":null,"c" : true } ] , "a" : "x y" })", 1000),
              R"({"a":"x y","b":[1,{"c":true,"d":null}]})");
    EXPECT_EQ(compact_json(R"({"B":1,"a":2,"":3})", 1000), R"({"":3,"B":1,"a":2})");
}

TEST(CompactJson, KeepsTheLastOfDuplicates) {
    EXPECT_EQ(compact_json(R"({"a":1,"b":2,"\u0061":3})", 1000), R"({"a":3,"b":2})");
}

TEST(CompactJson, EscapesOnlyWhatMustBe) {
    EXPECT_EQ(compact_json(R"("\u00e9\/\"\\\n\u0001\u007f")", 1000),
              "\"\xc3\xa9/\\\"\\\\\\n\\u0001\x7f\"");
    EXPECT_EQ(compact_json(R"({"\"}]":"[{,:"})", 1000), R"({"\"}]":"[{,:"})");
}

TEST(CompactJson, StopsAtItsLimit) {
    std::string object = "{";
    for (int i = 0; i < 5'000; ++i)
        object += (i ? ",\"" : "\"") + std::to_string(90'000 - i) + "\":1";
    object += "}";
    std::string const all = compact_json(object, 1'000'000);
    std::string const some = compact_json(object, 200);
    EXPECT_GT(some.size(), 200);
    EXPECT_LT(some.size(), 300);
    EXPECT_EQ(some.substr(0, 200), all.substr(0, 200));
}

TEST(CanonicalNumber, PrintsIntegersAsTheyAreAndOthersShortest) {
    for (auto const& [text, expected] : std::initializer_list<std::pair<const char*, const char*>>{
             {"0", "0"},
             {"-7", "-7"},
             {"-0", "-0.0"},
             {"9223372036854775807", "9223372036854775807"},
             {"18446744073709551615", "18446744073709551615"},
             {"18446744073709551616", "1.8446744073709552e19"},
             {"-9223372036854775808", "-9223372036854775808"},
             {"-9223372036854775809", "-9.223372036854776e18"},
             {"1.0", "1.0"},
             {"1.50", "1.5"},
             {"1e3", "1000.0"},
             {"1E15", "1000000000000000.0"},
             {"1e16", "1e16"},
             {"123456789012345680.0", "1.2345678901234568e17"},
             {"1.5e-3", "0.0015"},
             {"0.00001", "0.00001"},
             {"0.000001", "1e-6"},
             {"1.25e-7", "1.25e-7"},
             {"-2.5e300", "-2.5e300"},
             {"0.0", "0.0"},
             {"1e400", "1e400"}}) {
        EXPECT_EQ(canonical_number(text), expected) << text;
    }
}

}  // namespace
}  // namespace capture::parse
