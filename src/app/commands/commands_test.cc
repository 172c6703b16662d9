#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands/check.h"
#include "app/commands/config.h"
#include "app/commands/docs.h"
#include "app/commands/tail.h"
#include "sink/kafka/mock_cluster.h"

namespace capture::app {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    EXPECT_TRUE(in) << path;
    return {std::istreambuf_iterator<char>(in), {}};
}

const std::string kRoot = CAPTURE_SOURCE_DIR;

// ---------------------------------------------------------------------------------------------------------
// docs

TEST(Docs, GeneratedPagesAreUpToDate) {
    for (auto page : kDocsPages) {
        std::string const path = "docs/" + std::string(page) + ".md";
        EXPECT_TRUE(file(kRoot + "/" + path) == docs_page(page))
            << path << " is old: capture docs " << page << " > " << path;
    }
}

/// The names that stand before a metric type: `"name", MetricType::…`.
std::vector<std::string> declared_metrics(std::string_view text) {
    constexpr std::string_view kName = "abcdefghijklmnopqrstuvwxyz0123456789_";
    std::vector<std::string> names;
    for (std::size_t at = text.find('"'); at != std::string_view::npos;
         at = text.find('"', at + 1)) {
        std::size_t const end = text.find_first_not_of(kName, at + 1);
        if (end == std::string_view::npos || text[end] != '"') continue;
        std::size_t const next = text.find_first_not_of(", \n", end + 1);
        if (next == std::string_view::npos) continue;
        std::string_view const rest = text.substr(next);
        if (rest.starts_with("MetricType::") || rest.starts_with("telemetry::MetricType::")) {
            names.emplace_back(text.substr(at + 1, end - at - 1));
        }
    }
    return names;
}

TEST(Docs, EveryDeclaredMetricIsOnThePage) {
    auto const page = docs_page("metrics");
    std::size_t seen = 0;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(kRoot + "/src")) {
        if (!entry.path().string().ends_with("probe.h")) continue;
        for (std::string const& name : declared_metrics(file(entry.path()))) {
            EXPECT_THAT(page, HasSubstr("`" + name + "`")) << entry.path();
            ++seen;
        }
    }
    EXPECT_GT(seen, 50u);
}

// -------------------------------------------------------------------------------------------------------
// config

config::Loaded loaded() {
    return config::load({{"REDIS_URL", "redis://u:hunter2@h"},
                         {"AI_GATEWAY_SIGNING_SECRET", "hunter2"},
                         {"KAFKA_TOPIC", "a\"b"}},
                        {.dev = true});
}

TEST(ConfigCommand, TableShowsValueAndSourceBySection) {
    auto const text = config_text(loaded(), {});
    EXPECT_THAT(text, HasSubstr("# Redis\nREDIS_URL "));
    EXPECT_THAT(text, testing::ContainsRegex("REDIS_URL +redis://\\*\\*\\*@h +environment\n"));
    EXPECT_THAT(text, testing::ContainsRegex(
                          "CAPTURE_OUTPUT_ANALYTICS_MAIN_TOPIC +a\"b +KAFKA_TOPIC \\(legacy\\)\n"));
    EXPECT_THAT(text, testing::ContainsRegex("CONCURRENCY_LIMIT +-\n"));
    EXPECT_THAT(text, Not(HasSubstr("hunter2")));
}

TEST(ConfigCommand, ChangedLeavesDefaultsOut) {
    auto const text = config_text(loaded(), {.changed = true});
    EXPECT_THAT(text, HasSubstr("REDIS_URL"));
    EXPECT_THAT(text, Not(HasSubstr("BODY_READ_CHUNK_SIZE_KB")));
}

TEST(ConfigCommand, JsonHasTheSame) {
    auto const text = config_text(loaded(), {.json = true});
    EXPECT_THAT(text, HasSubstr(R"-({"name":"CAPTURE_OUTPUT_ANALYTICS_MAIN_TOPIC","value":"a\"b",)-"
                                R"-("source":"KAFKA_TOPIC (legacy)","section":"Kafka"})-"));
    EXPECT_THAT(text, HasSubstr(R"-({"name":"CONCURRENCY_LIMIT","value":null,"source":"",)-"
                                R"-("section":"Server"})-"));
    EXPECT_THAT(text, Not(HasSubstr("hunter2")));
}

// --------------------------------------------------------------------------------------------------------
// check

TEST(CheckCommand, StoreIsLookedAtWithoutBeingMade) {
    auto const folder = std::filesystem::temp_directory_path();
    auto const path = folder / "capture-check-test" / "deeper" / "dev.db";
    auto const finding = check_store(path);
    EXPECT_TRUE(finding.ok) << finding.text;
    EXPECT_FALSE(std::filesystem::exists(folder / "capture-check-test"));
    EXPECT_FALSE(check_store("/dev/null/dev.db").ok);
}

TEST(CheckCommand, WithoutEndpointsThereIsNothingToTry) {
    config::Settings const settings = config::load({}, {.dev = true}).settings;
    EXPECT_TRUE(check_redis(settings).empty());
    EXPECT_TRUE(check_kafka(settings).empty());
}

TEST(CheckCommand, TheBrokersOfWarningsAreTriedToo) {
    sink::kafka::MockCluster const cluster;
    config::Environment environment{{"CAPTURE_INGESTION_WARNINGS_KAFKA_HOSTS", cluster.brokers()},
                                    {"CAPTURE_INGESTION_WARNINGS_KAFKA_TOPIC", "warnings"}};
    EXPECT_TRUE(check_warnings(config::load(environment, {}).settings).empty());
    environment["CAPTURE_INGESTION_WARNINGS_ENABLED"] = "true";
    auto const findings = check_warnings(config::load(environment, {}).settings);
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].subject, "CAPTURE_INGESTION_WARNINGS_KAFKA_HOSTS");
    EXPECT_TRUE(findings[0].ok) << findings[0].text;
}

TEST(CheckCommand, EachRedisIsTriedOnceAndNamedWithoutItsPassword) {
    // Nothing listens on port 1.
    auto const settings =
        config::load({{"REDIS_URL", "redis://:hunter2@127.0.0.1:1"}}, {.dev = true}).settings;
    auto const findings = check_redis(settings);
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].subject, "REDIS_URL");
    EXPECT_FALSE(findings[0].ok);
    EXPECT_THAT(findings[0].text, HasSubstr("127.0.0.1:1 cannot be used"));
    EXPECT_THAT(findings[0].text, Not(HasSubstr("hunter2")));
}

// ---------------------------------------------------------------------------------------------------------
// tail

sink::StoredRecord record() {
    return {.id = 3,
            .time = base::Instant::from_millis(1'788'256'800'123),
            .topic = "events",
            .key = "phc_a:user-1",
            .headers = {{"token", "phc_a"},
                        {"distinct_id", "user-1"},
                        {"session_id", std::nullopt},
                        {"event", "$pageview"}},
            .value = R"({"uuid":"u"})"};
}

TEST(Tail, LineNamesWhatMatters) {
    EXPECT_EQ(tail_line(record(), false),
              "10:00:00.123  $pageview             user-1                phc_a  → events  "
              "key=phc_a:user-1\n");
}

TEST(Tail, LineShowsFlagsAndAMissingKey) {
    auto r = record();
    r.key.reset();
    r.headers.emplace_back("historical_migration", "true");
    r.headers.emplace_back("force_disable_person_processing", "true");
    r.headers.emplace_back("dlq_reason", "event_restriction");
    EXPECT_THAT(tail_line(r, false),
                HasSubstr("no key  historical no-person-processing dlq:event_restriction\n"));
}

TEST(Tail, LineTellsWhatAWarningIsAbout) {
    auto r = record();
    r.headers[3].second = "$$client_ingestion_warning";
    r.value =
        R"({"data":"{\"properties\":{\"$$client_ingestion_warning_type\":\"invalid_ai_event\",\"x\":1}}"})";
    EXPECT_THAT(tail_line(r, false), HasSubstr("  warning:invalid_ai_event\n"));
    r.value = R"({"data":"{\"$$client_ingestion_warning_type\":\"endless)";
    EXPECT_THAT(tail_line(r, false), HasSubstr("  warning:endless\n"));
}
TEST(Tail, HostileTextCannotForgeALineOrMoveTheCursor) {
    auto r = record();
    r.headers[1].second = "a\n\x1b[2J\xFF" + std::string(500, 'x');
    auto const line = tail_line(r, false);
    EXPECT_EQ(std::ranges::count(line, '\n'), 1);
    EXPECT_THAT(line, Not(HasSubstr("\x1b")));
    EXPECT_LT(line.size(), 300u);
}

TEST(Tail, ColoursAreClosed) {
    auto const line = tail_line(record(), true);
    EXPECT_THAT(line, HasSubstr("\x1b[1;36m$pageview\x1b[0m"));
    EXPECT_TRUE(line.ends_with("\x1b[0m\n"));
}

TEST(Tail, JsonEmbedsTheValue) {
    EXPECT_EQ(
        tail_json(record()),
        R"({"id":3,"time":"2026-09-01T10:00:00.123Z","topic":"events","key":"phc_a:user-1",)"
        R"("headers":{"token":"phc_a","distinct_id":"user-1","session_id":null,"event":"$pageview"},)"
        R"("value":{"uuid":"u"}})"
        "\n");
}

TEST(Tail, CompressedValuesAreCountedOnly) {
    auto r = record();
    r.key.reset();
    r.headers.emplace_back("content-encoding", "lz4");
    auto const line = tail_json(r);
    EXPECT_THAT(line, HasSubstr("\"key\":null,"));
    EXPECT_TRUE(line.ends_with("\"value\":null,\"value_bytes\":12}\n"));
}

}  // namespace
}  // namespace capture::app
