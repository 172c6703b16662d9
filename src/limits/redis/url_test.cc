#include "limits/redis/url.h"

#include <gtest/gtest.h>

namespace capture::limits::redis {
namespace {

TEST(RedisUrl, ReadsEveryPart) {
    auto const url = parse_url("rediss://cap%40ture:p%3Aw@cache.example:7000/3");
    ASSERT_TRUE(url);
    EXPECT_TRUE(url->tls);
    EXPECT_TRUE(url->verify);
    EXPECT_EQ(url->host, "cache.example");
    EXPECT_EQ(url->port, 7000);
    EXPECT_EQ(url->user, "cap@ture");
    EXPECT_EQ(url->password, "p:w");
    EXPECT_EQ(url->database, 3u);
    EXPECT_EQ(url->place(), "cache.example:7000");
}

TEST(RedisUrl, HasDefaults) {
    auto const url = parse_url("redis://localhost");
    ASSERT_TRUE(url);
    Url expected;
    expected.host = "localhost";
    EXPECT_EQ(*url, expected);
    EXPECT_EQ(parse_url("redis://localhost/")->database, 0u);
}

TEST(RedisUrl, TakesAPasswordWithoutUserAndWithRawAtSign) {
    auto const url = parse_url("redis://:p@ss@h:1");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->user, "");
    EXPECT_EQ(url->password, "p@ss");
    EXPECT_EQ(url->host, "h");
}

TEST(RedisUrl, TakesIpv6AndInsecureTls) {
    auto const url = parse_url("rediss://[::1]:6380/1#insecure");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->host, "::1");
    EXPECT_FALSE(url->verify);
    EXPECT_EQ(url->place(), "[::1]:6380");
}

TEST(RedisUrl, TakesLocalSockets) {
    auto const url = parse_url("redis+unix:///run/redis.sock?db=2&user=u&pass=p%20w");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->unix_path, "/run/redis.sock");
    EXPECT_EQ(url->database, 2u);
    EXPECT_EQ(url->user, "u");
    EXPECT_EQ(url->password, "p w");
    EXPECT_EQ(url->place(), "/run/redis.sock");
}

TEST(RedisUrl, RefusesMalformedOnesWithoutRepeatingThem) {
    for (const char* text :
         {"", "none", "http://h", "redis://", "redis://:secret@", "redis://h:0", "redis://h:65536",
          "redis://h:x", "redis://h/x", "redis://[::1", "redis://[::1]x", "redis://secret%zz@h",
          "unix://relative", "redis+unix:///p?db=x", "redis://h:", "redis://u%4:secret@h"}) {
        auto const url = parse_url(text);
        ASSERT_FALSE(url) << text;
        EXPECT_FALSE(url.error().empty()) << text;
        EXPECT_EQ(url.error().find("secret"), std::string::npos) << text;
    }
}

}  // namespace
}  // namespace capture::limits::redis
