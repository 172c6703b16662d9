#include "app/commands/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace capture::app {
namespace {

using testing::HasSubstr;

std::string explained(const ExplainOptions& options, config::Environment environment = {}) {
    environment["REDIS_URL"] = "none";
    environment["NOOP_SINK"] = "true";
    auto const loaded = config::load(environment, {});
    EXPECT_TRUE(loaded.problems.empty());
    auto const text = explain_text(loaded.settings, options);
    EXPECT_TRUE(text) << text.error();
    return text.value_or("");
}

TEST(Explain, OrdinaryEventEndsOnItsTopicWithItsKey) {
    EXPECT_THAT(explained({.token = " phc_a ", .distinct_id = "u"}),
                HasSubstr("→ produced to events_plugin_ingestion (output ANALYTICS_MAIN, producer "
                          "INGESTION) with key phc_a:u\n"));
}

TEST(Explain, KindsAreThoseOfTheRequestPath) {
    EXPECT_THAT(explained({.token = "phc_a", .distinct_id = "u", .event = "$exception"}),
                HasSubstr("output ERROR_TRACKING,"));
    EXPECT_THAT(explained({.token = "phc_a", .distinct_id = "u", .historical = true}),
                HasSubstr("output ANALYTICS_HISTORICAL,"));
    EXPECT_THAT(explained({.token = "phc_a", .distinct_id = "u", .event = "$ai_generation"}),
                HasSubstr("output AI_MAIN,"));
}

TEST(Explain, LimitsAreAsked) {
    EXPECT_THAT(explained({.token = "phc_a", .distinct_id = "u"},
                          {{"DROP_EVENTS_BY_TOKEN_DISTINCT_ID", "phc_a:u"}}),
                HasSubstr("→ dropped: token_dropper\n"));
    EXPECT_THAT(explained({.token = "phc_a", .distinct_id = "u"},
                          {{"OVERFLOW_ENABLED", "true"},
                           {"INGESTION_FORCE_OVERFLOW_BY_TOKEN_DISTINCT_ID", "phc_a"}}),
                HasSubstr("output ANALYTICS_OVERFLOW, producer INGESTION) with no key, without "
                          "person processing\n"));
}

TEST(Explain, WhatTheParserRefusesIsRefused) {
    EXPECT_THAT(explained({.token = "", .distinct_id = "u"}), HasSubstr("→ refused with 401: "));
    EXPECT_THAT(explained({.token = "phc_a", .distinct_id = ""}),
                HasSubstr("→ refused with 400: "));
    EXPECT_THAT(explained({.token = "phc_a", .distinct_id = "u", .event = ""}),
                HasSubstr("→ refused with 400: "));
}

TEST(Explain, RecordingsNeedASession) {
    config::Environment const recordings{{"CAPTURE_MODE", "recordings"}};
    EXPECT_THAT(explained({.token = "phc_a", .distinct_id = "u"}, recordings),
                HasSubstr("→ refused with 400: "));
    EXPECT_THAT(explained({.token = "phc_a", .distinct_id = "u", .session_id = "s"}, recordings),
                HasSubstr("output SESSION_REPLAY_MAIN, producer INGESTION) with key s\n"));
    EXPECT_THAT(explained({.token = "phc_a", .distinct_id = "u", .session_id = "a b"}, recordings),
                HasSubstr("→ refused with 400: replay event has invalid session id\n"));
    EXPECT_THAT(explained({.token = "phx_a", .distinct_id = "u", .session_id = "s"}, recordings),
                HasSubstr("→ refused with 401: "));
}

TEST(Explain, JsonIsForPrograms) {
    auto const text = explained({.token = "phc_a", .distinct_id = "\"\n", .json = true});
    EXPECT_TRUE(text.starts_with("{\"steps\":[{\"name\":"));
    EXPECT_THAT(
        text,
        HasSubstr(R"("ending":"produced","status":200,"detail":"","output":"ANALYTICS_MAIN",)"));
    EXPECT_THAT(text, HasSubstr(R"("key":"phc_a:\"\n"})"));
}

}  // namespace
}  // namespace capture::app
