#include "app/ingestion_warnings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "config/load.h"
#include "pipeline/probe.h"
#include "sink/kafka/mock_cluster.h"
#include "sink/probe.h"
#include "sink/store/reader.h"

namespace capture::app {
namespace {

using sink::kafka::MockCluster;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

constexpr const char* kTopic = "warnings";

struct Process {
    base::SystemClock clock;
    telemetry::Logger& log = telemetry::Logger::silent();
    telemetry::Registry registry{"capture", "events"};
    telemetry::Health health{registry, log, clock, [](const telemetry::Shutdown&) {}};

    static config::Settings settings(const std::string& hosts, const std::string& topic,
                                     config::Environment more = {}) {
        more.insert({{"REDIS_URL", "none"},
                     {"NOOP_SINK", "true"},
                     {"CAPTURE_INGESTION_WARNINGS_ENABLED", "true"},
                     {"CAPTURE_INGESTION_WARNINGS_KAFKA_HOSTS", hosts},
                     {"CAPTURE_INGESTION_WARNINGS_KAFKA_TOPIC", topic}});
        auto const loaded = config::load(more, {});
        EXPECT_TRUE(loaded.problems.empty());
        return loaded.settings;
    }
    IngestionWarnings make(const config::Settings& settings, sink::StoreSink* store = nullptr) {
        return IngestionWarnings(settings, store, registry, log, clock, health);
    }
    static void emit(IngestionWarnings& warnings, std::string_view token = "phc_a") {
        warnings.warnings().emit({.path = pipeline::WarningPath::LegacyAnalytics,
                                  .token = token,
                                  .route = "/e/",
                                  .lib = {},
                                  .lib_version = {}},
                                 {.type = pipeline::WarningType::MissingDistinctId});
    }
    double count(std::string_view outcome) {
        return registry.counters(pipeline::kWarnings)
            .with({"missing_distinct_id", "capture", "legacy_analytics", outcome})
            .value();
    }
    double gauge(std::string_view reason) {
        return registry.gauges(pipeline::kWarningsEnabled).with({reason}).value();
    }
};

TEST(IngestionWarnings, ReachTheirTopicThroughAProducerOfTheirOwn) {
    MockCluster cluster;
    cluster.create_topic(kTopic, 1);
    Process process;
    auto warnings = process.make(Process::settings(cluster.brokers(), kTopic));
    EXPECT_EQ(process.gauge("ok"), 1);
    Process::emit(warnings);
    EXPECT_EQ(process.count("emitted"), 1);

    auto const records = cluster.read(kTopic, 1);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].key, "phc_a");
    EXPECT_EQ(records[0].headers.size(), 9u);
    EXPECT_THAT(records[0].headers, Contains(Pair("event", "$$client_ingestion_warning")));
    EXPECT_THAT(records[0].value, HasSubstr("missing_distinct_id"));
    warnings.stop();
    EXPECT_EQ(process.count("delivered"), 1);
    // Neither an event nor part of what the producers of events show.
    EXPECT_THAT(process.registry.expose(), Not(HasSubstr("capture_kafka")));
    EXPECT_THAT(process.registry.expose(), Not(HasSubstr("capture_events")));
}

TEST(IngestionWarnings, AreNotSentAgainWhenTheBrokerRefusesThem) {
    MockCluster cluster;
    cluster.create_topic(kTopic, 1);
    cluster.fail_produce(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 1);
    Process process;
    auto warnings = process.make(Process::settings(cluster.brokers(), kTopic));
    Process::emit(warnings);
    warnings.stop();
    EXPECT_EQ(process.count("delivery_failed"), 1);
    EXPECT_EQ(process.count("delivered"), 0);
}

TEST(IngestionWarnings, DoNotHoldUpTheEndWhenNobodyAnswers) {
    Process process;
    {
        auto warnings = process.make(Process::settings("127.0.0.1:1", kTopic));
        for (int i = 0; i < 20; ++i)
            Process::emit(warnings, std::to_string(i));
        EXPECT_EQ(process.count("emitted"), 20);
        warnings.stop();
        EXPECT_EQ(process.count("delivery_failed"), 0) << "the message timeout is longer";
    }
    EXPECT_EQ(process.count("delivery_failed"), 20);
}

TEST(IngestionWarnings, AreBoundedByMessagesAndBytes) {
    auto const settings = Process::settings("127.0.0.1:1", kTopic,
                                            {{"CAPTURE_INGESTION_WARNINGS_KAFKA_QUEUE_MIB", "64"}});
    Process many;
    {
        auto warnings = many.make(settings);
        for (int i = 0; i < 10'001; ++i)
            Process::emit(warnings, std::to_string(i));
        EXPECT_EQ(many.count("emitted"), 10'000);
        EXPECT_EQ(many.count("queue_full"), 1);
    }
    Process small;
    auto warnings = small.make(Process::settings(
        "127.0.0.1:1", kTopic, {{"CAPTURE_INGESTION_WARNINGS_KAFKA_QUEUE_MIB", "1"}}));
    for (int i = 0; i < 5'000; ++i)
        Process::emit(warnings, std::to_string(i));
    EXPECT_GT(small.count("queue_full"), 0);
    EXPECT_EQ(small.count("queue_full") + small.count("emitted"), 5'000);
}

TEST(IngestionWarnings, FollowTheFixedPolicy) {
    auto const settings = Process::settings("b:9092", kTopic);
    auto const policy = warnings_policy(settings.warnings);
    EXPECT_EQ(policy.brokers, "b:9092");
    EXPECT_EQ(policy.client_id, "capture-ingestion-warnings");
    EXPECT_EQ(policy.acks, "1");
    EXPECT_EQ(policy.retries, 0u);
    EXPECT_EQ(policy.linger_ms, 100u);
    EXPECT_EQ(policy.message_timeout_ms, 5'000u);
    EXPECT_EQ(policy.queue_max_messages, 10'000u);
    EXPECT_EQ(policy.queue_max_kbytes, 16u * 1024);
    EXPECT_EQ(policy.message_max_bytes, 1'048'576u);
    EXPECT_EQ(policy.security_protocol, "");

    auto const tls =
        Process::settings("b:9092", kTopic, {{"CAPTURE_INGESTION_WARNINGS_KAFKA_TLS", "true"}});
    EXPECT_EQ(warnings_policy(tls.warnings).security_protocol, "ssl");
    EXPECT_EQ(warnings_policy(tls.warnings).ssl_certificate_verification, "false");
}

TEST(IngestionWarnings, SayWhyTheyAreOff) {
    auto refused = Process::settings("b:9092", kTopic);
    refused.warnings.queue_mib = UINT32_MAX;  // more than the client takes
    struct {
        config::Settings settings;
        const char* reason;
    } const rows[] = {
        {Process::settings(" ", kTopic), "hosts_unset"},
        {Process::settings("b:9092", ""), "topic_unset"},
        {refused, "producer_create_failed"},
    };
    for (auto const& row : rows) {
        Process process;
        auto warnings = process.make(row.settings);
        EXPECT_FALSE(warnings.warnings().enabled()) << row.reason;
        EXPECT_THAT(process.registry.expose(),
                    HasSubstr(std::string("reason=\"") + row.reason + "\"} 0\n"));
        warnings.heartbeat();
        warnings.sweep();
        warnings.stop();
        EXPECT_THAT(process.registry.expose(), Not(HasSubstr("component=\"ingestion-warnings\"")));
    }
    Process off;
    auto warnings =
        off.make(config::load({{"REDIS_URL", "none"}, {"NOOP_SINK", "true"}}, {}).settings);
    EXPECT_FALSE(warnings.warnings().enabled());
    EXPECT_THAT(off.registry.expose(), Not(HasSubstr("ingestion_warnings")));
}

TEST(IngestionWarnings, TheirComponentIsAdvisory) {
    Process process;
    auto warnings = process.make(Process::settings("127.0.0.1:1", kTopic));
    process.health.poll();
    EXPECT_THAT(process.registry.expose(), HasSubstr("component=\"ingestion-warnings\"} 1\n"));
    warnings.stop();
    EXPECT_TRUE(process.health.finish());
    EXPECT_FALSE(process.health.shutdown());
}

TEST(IngestionWarnings, AreRecordsOfTheStoreThatNobodyCounts) {
    std::string const path = testing::TempDir() + "warnings-" + std::to_string(::getpid()) + ".db";
    Process process;
    auto const settings = config::load({{"CAPTURE_STORE_PATH", path}}, {.dev = true}).settings;
    EXPECT_TRUE(settings.warnings.enabled);
    sink::OutputTable const outputs(settings.outputs);
    std::optional<IngestionWarnings> warnings;
    auto store = sink::StoreSink::open(path, outputs, process.registry, process.log, process.clock);
    ASSERT_TRUE(store) << store.error();
    warnings.emplace(settings, store->get(), process.registry, process.log, process.clock,
                     process.health);
    Process::emit(*warnings);
    warnings->stop();
    EXPECT_EQ(process.count("delivered"), 1);
    auto reader = sink::StoreReader::open(path);
    ASSERT_TRUE(reader) << reader.error();
    auto const records = reader->after(0, 10);
    ASSERT_TRUE(records && records->size() == 1u);
    EXPECT_EQ(records->front().topic, "ingestion-clientwarnings-main-1");
    EXPECT_EQ(records->front().key, "phc_a");
    EXPECT_EQ(process.registry.counter(sink::metric::kIngested).value(), 0);
    store->reset();
    for (const char* suffix : {"", "-wal", "-shm"})
        std::filesystem::remove(path + suffix);
}

}  // namespace
}  // namespace capture::app
