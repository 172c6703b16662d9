// The roles of Redis: contract 30 §2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load_fixture.h"

namespace capture::config {
namespace {

using telemetry::Level;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(Load, RedisRolesFallBack) {
    auto const loaded =
        load_working({{"REDIS_READER_URL", "redis://reader"}, {"REDIS_RESPONSE_TIMEOUT_MS", "7"}});
    auto const& redis = loaded.settings.redis;
    for (auto const* role : {&redis.restrictions, &redis.known_tokens, &redis.rate_limit}) {
        EXPECT_EQ(role->url, "redis://localhost");
        EXPECT_EQ(role->reader_url, "redis://reader");
        EXPECT_EQ(role->response_timeout_ms, 7u);
    }
    EXPECT_TRUE(redis.rate_limit_shares_primary);
    EXPECT_EQ(value(loaded, "EVENT_RESTRICTIONS_REDIS_URL").source, "REDIS_URL (fall-back)");
}

TEST(Load, KnownTokensFollowTheRestrictionsRole) {
    auto const& redis =
        load_working({{"EVENT_RESTRICTIONS_REDIS_URL", "redis://r"}}).settings.redis;
    EXPECT_EQ(redis.known_tokens.url, "redis://r");
    EXPECT_EQ(
        load_working({{"EVENT_RESTRICTIONS_REDIS_URL", "none"}}).settings.redis.known_tokens.url,
        "");
}

TEST(Load, DedicatedRateLimiterRedisHasItsOwnTimeouts) {
    auto const& redis = load_working({{"GLOBAL_RATE_LIMIT_REDIS_URL", "redis://g"},
                                      {"GLOBAL_RATE_LIMIT_REDIS_READER_URL", "redis://gr"},
                                      {"GLOBAL_RATE_LIMIT_REDIS_RESPONSE_TIMEOUT_MS", "9"}})
                            .settings.redis;
    EXPECT_FALSE(redis.rate_limit_shares_primary);
    EXPECT_EQ(redis.rate_limit.url, "redis://g");
    EXPECT_EQ(redis.rate_limit.reader_url, "redis://gr");
    EXPECT_EQ(redis.rate_limit.response_timeout_ms, 9u);
    EXPECT_EQ(redis.rate_limit.connection_timeout_ms, 5000u);
}

TEST(Load, RateLimiterReaderWithoutItsUrlHasNoEffect) {
    auto const loaded = load_working({{"GLOBAL_RATE_LIMIT_REDIS_READER_URL", "redis://gr"}});
    EXPECT_EQ(loaded.settings.redis.rate_limit.reader_url, "");
    EXPECT_THAT(notices(loaded, Level::Warn),
                Contains(HasSubstr("no effect here: GLOBAL_RATE_LIMIT_REDIS_READER_URL")));
}

TEST(Load, NoneTurnsRolesOffAndSaysSo) {
    auto const loaded = load_working({{"REDIS_URL", "none"},
                                      {"EVENT_RESTRICTIONS_ENABLED", "true"},
                                      {"GLOBAL_RATE_LIMIT_ENABLED", "true"},
                                      {"TOKEN_VALIDATION_MODE", "Enforce"},
                                      {"AI_BYTE_LIMIT_PER_SECOND", "100000000"}});
    EXPECT_THAT(problems(loaded), IsEmpty());
    EXPECT_EQ(loaded.settings.redis.primary.url, "");
    EXPECT_EQ(loaded.settings.known_tokens.mode, TokenValidation::Enforce);
    EXPECT_THAT(notices(loaded, Level::Info), Contains(HasSubstr("REDIS_URL is none")));
    for (const char* name : {"EVENT_RESTRICTIONS_ENABLED", "GLOBAL_RATE_LIMIT_ENABLED",
                             "TOKEN_VALIDATION_MODE", "AI_BYTE_LIMIT_PER_SECOND"}) {
        EXPECT_THAT(notices(loaded, Level::Warn),
                    Contains(HasSubstr(std::string(name) + " needs a Redis and is off")));
    }
}

TEST(Load, EveryRedisUrlIsChecked) {
    EXPECT_THAT(
        problems(load_working({{"REDIS_READER_URL", ""}, {"KNOWN_TOKENS_REDIS_URL", "ftp://x"}})),
        ElementsAre("REDIS_READER_URL: not a Redis URL: unknown scheme",
                    "KNOWN_TOKENS_REDIS_URL: not a Redis URL: unknown scheme"));
}

TEST(Load, TheAuthoritiesOfRedisMustBeReadableWhereTheyAreNeeded) {
    auto const with = [](config::Environment environment) {
        environment.try_emplace("KAFKA_HOSTS", "k:1");
        return load(environment, {.check_redis_ca_file = [](const std::string& path) {
                        return path == "/ca.pem" ? "" : "no such file";
                    }});
    };
    auto const good = with({{"REDIS_URL", "rediss://h"}, {"REDIS_TLS_CA_FILE", "/ca.pem"}});
    EXPECT_THAT(problems(good), IsEmpty());
    EXPECT_EQ(good.settings.redis.tls_ca_file, "/ca.pem");
    EXPECT_THAT(problems(with({{"REDIS_URL", "redis://h"},
                               {"EVENT_RESTRICTIONS_REDIS_URL", "rediss://h"},
                               {"REDIS_TLS_CA_FILE", "/other.pem"}})),
                ElementsAre("REDIS_TLS_CA_FILE: no such file"));
    EXPECT_THAT(problems(with({{"REDIS_URL", "rediss://h"}, {"REDIS_TLS_CA_FILE", ""}})),
                ElementsAre(HasSubstr("REDIS_TLS_CA_FILE: must not be empty")));
    auto const plain = with({{"REDIS_URL", "redis://h"}, {"REDIS_TLS_CA_FILE", "/other.pem"}});
    EXPECT_THAT(problems(plain), IsEmpty());
    EXPECT_THAT(notices(plain, Level::Warn),
                Contains(HasSubstr("no effect here: REDIS_TLS_CA_FILE")));
}

// ---------------------------------------------------------------------------------------------------
// limits

}  // namespace
}  // namespace capture::config
