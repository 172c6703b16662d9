#include "sink/kafka/kafka_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>

#include "sink/kafka/mock_cluster.h"
#include "sink/probe.h"

namespace capture::sink {
namespace {

using kafka::MockCluster;
using model::DeliveryOutcome;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using Headers = std::vector<model::RecordHeader>;

constexpr auto kPatience = std::chrono::seconds(20);

config::OutputsSettings outputs(const std::string& custom_slot = "INGESTION") {
    config::OutputsSettings settings;
    settings.by_name["ANALYTICS_MAIN"] = {.topic = "main"};
    settings.by_name["HEATMAPS"] = {.topic = "heat"};
    settings.by_name["CUSTOM"] = {.topic = "", .producer = custom_slot};
    return settings;
}

config::ProducerSettings producer(const std::string& brokers,
                                  const std::string& slot = "INGESTION") {
    config::ProducerSettings settings;
    settings.slot = slot;
    settings.brokers = brokers;
    settings.linger_ms = 1;
    return settings;
}

class KafkaSinkTest : public testing::Test {
  protected:
    KafkaSinkTest() {
        cluster.create_topic("main", 1);
        cluster.create_topic("heat", 1);
    }

    void start(const config::ProducerSettings& settings) { start({settings}, outputs()); }
    void start(const std::vector<config::ProducerSettings>& settings,
               const config::OutputsSettings& o, KafkaOptions options = {}) {
        auto created = KafkaSink::create(
            OutputTable(o), settings, registry, telemetry::Logger::silent(), clock,
            [this](std::string_view slot, bool ok) { on_health(slot, ok); }, options);
        ASSERT_TRUE(created.has_value()) << created.error().front();
        sink = std::move(*created);
    }
    void on_health(std::string_view slot, bool healthy) {
        std::lock_guard const lock(health_mutex);
        health.emplace_back(slot, healthy);
        if (!health_seen.exchange(true)) first_health.set_value();
    }

    RecordGroupPtr open(std::size_t records) {
        auto group = sink->open(records, budget);
        EXPECT_NE(group, nullptr);
        return group;
    }
    static void add(RecordGroup& group, std::string_view value,
                    std::optional<std::string_view> key = "k", const Headers& headers = {},
                    const model::Destination& destination = {}) {
        group.begin(destination, value.size()).append(value);
        EXPECT_TRUE(group.commit(key, headers));
    }
    static std::future<DeliveryOutcome> send(RecordGroupPtr group) {
        auto result = std::make_shared<std::promise<DeliveryOutcome>>();
        auto future = result->get_future();
        submit(std::move(group), [result](DeliveryOutcome o) { result->set_value(o); });
        return future;
    }
    static DeliveryOutcome wait(std::future<DeliveryOutcome> future) {
        if (future.wait_for(kPatience) != std::future_status::ready) {
            ADD_FAILURE() << "no report";
            std::abort();
        }
        return future.get();
    }
    DeliveryOutcome send_one(std::string_view value) {
        auto group = open(1);
        add(*group, value);
        return wait(send(std::move(group)));
    }

    double errors() { return registry.counter(metric::kProduceErrors).value(); }
    double ingested() { return registry.counter(metric::kIngested).value(); }
    std::uint64_t acks(std::string_view outcome, std::string_view topic = "main") {
        return registry.histograms(metric::kAckMillis.one).with({outcome, topic}).count();
    }

    MockCluster cluster;
    telemetry::Registry registry{"capture", "events"};
    base::SystemClock clock;
    base::Budget budget{std::size_t{1} << 30, std::size_t{1} << 30};
    std::mutex health_mutex;
    std::vector<std::pair<std::string, bool>> health;
    std::atomic<bool> health_seen{false};
    std::promise<void> first_health;
    std::unique_ptr<KafkaSink> sink;
};

TEST_F(KafkaSinkTest, DeliversRecordsInOrderWithKeysAndHeaders) {
    start(producer(cluster.brokers()));
    auto group = open(3);
    add(*group, "one", "key", {{"token", "t"}, {"session_id", std::nullopt}, {"event", ""}});
    add(*group, "two", std::nullopt);
    add(*group, "", "");
    EXPECT_GT(budget.used(), 0U);
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::Delivered);
    EXPECT_EQ(budget.used(), 0U);

    auto const records = cluster.read("main", 3);
    ASSERT_EQ(records.size(), 3U);
    EXPECT_EQ(records[0].value, "one");
    EXPECT_EQ(records[0].key, "key");
    EXPECT_THAT(
        records[0].headers,
        ElementsAre(Pair("token", "t"), Pair("session_id", std::nullopt), Pair("event", "")));
    EXPECT_EQ(records[1].value, "two");
    EXPECT_EQ(records[1].key, std::nullopt);
    EXPECT_EQ(records[2].value, "");
    EXPECT_EQ(records[2].key, "");

    EXPECT_EQ(ingested(), 3);
    EXPECT_EQ(acks("ok"), 3U);
    EXPECT_EQ(registry.counters(metric::kProduceBytes.one).with({"main"}).value(), 6);
    EXPECT_EQ(registry.histogram(metric::kEnqueueSeconds).count(), 1U);
    EXPECT_EQ(errors(), 0);
}

TEST_F(KafkaSinkTest, KeepsTheOrderOfALargeGroup) {
    start(producer(cluster.brokers()));
    auto group = open(5000);
    for (int i = 0; i < 5000; ++i)
        add(*group, std::to_string(i));
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::Delivered);
    auto const records = cluster.read("main", 5000);
    ASSERT_EQ(records.size(), 5000U);
    for (std::size_t i = 0; i < records.size(); ++i)
        ASSERT_EQ(records[i].value, std::to_string(i));
    EXPECT_EQ(budget.used(), 0U);
}

TEST_F(KafkaSinkTest, KeepsAValueThatOutgrowsItsHint) {
    start(producer(cluster.brokers()));
    auto group = open(1);
    auto& out = group->begin({}, 10);
    std::string expected;
    for (int i = 0; i < 20'000; ++i) {
        out.append("0123456789");
        expected += "0123456789";
    }
    ASSERT_TRUE(group->commit("key", {}));
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::Delivered);
    auto const records = cluster.read("main", 1);
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].value, expected);
    EXPECT_EQ(records[0].key, "key");
}

TEST_F(KafkaSinkTest, ForgetsARecordThatWasBegunAndNotCommitted) {
    start(producer(cluster.brokers()));
    auto group = open(2);
    group->begin({}, 100).append("half");
    add(*group, "whole");
    group->begin({}, 100).append("half");
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::Delivered);
    EXPECT_EQ(cluster.read("main", 1).at(0).value, "whole");
    EXPECT_EQ(budget.used(), 0U);
}

TEST_F(KafkaSinkTest, SendsNothingOfAGroupThatIsDropped) {
    start(producer(cluster.brokers()));
    {
        auto group = open(2);
        add(*group, "dropped", "k", {{"a", "b"}});
        group->begin({}, 10).append("half");
    }
    EXPECT_EQ(budget.used(), 0U);
    EXPECT_EQ(send_one("kept"), DeliveryOutcome::Delivered);
    EXPECT_EQ(cluster.read("main", 1).at(0).value, "kept");
}

TEST_F(KafkaSinkTest, DeliversAnEmptyGroupAtOnce) {
    start(producer(cluster.brokers()));
    EXPECT_EQ(wait(send(open(0))), DeliveryOutcome::Delivered);
    EXPECT_EQ(ingested(), 0);
}

TEST_F(KafkaSinkTest, SendsRecordsToTheTopicOfTheirDestination) {
    start(producer(cluster.brokers()));
    auto group = open(3);
    add(*group, "h", "k", {}, {.output = model::Output::Heatmaps});
    add(*group, "c", "k", {}, {.output = model::Output::Custom, .custom_topic = "turbo"});
    add(*group, "m");
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::Delivered);
    EXPECT_EQ(cluster.read("heat", 1).at(0).value, "h");
    EXPECT_EQ(cluster.read("main", 1).at(0).value, "m");
    EXPECT_EQ(acks("ok", "turbo"), 1U);
}

TEST_F(KafkaSinkTest, ReportsEveryRecordOfAGroupWhoseTopicsTakeTurns) {
    start(producer(cluster.brokers()));
    for (int round = 0; round < 2; ++round) {
        auto group = open(100);
        for (int i = 0; i < 100; ++i) {
            add(*group, "v", "k", {},
                {.output = i % 3 == 0 ? model::Output::Heatmaps : model::Output::AnalyticsMain});
        }
        EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::Delivered);
    }
    EXPECT_EQ(acks("ok"), 132U);
    EXPECT_EQ(acks("ok", "heat"), 68U);
    EXPECT_EQ(ingested(), 200);
    EXPECT_EQ(budget.used(), 0U);
}

TEST_F(KafkaSinkTest, RefusesCustomTopicsBeyondTheCap) {
    start({producer(cluster.brokers())}, outputs(), {.max_custom_topics = 1});
    for (auto const& [topic, outcome] : {std::pair{"one", DeliveryOutcome::Delivered},
                                         {"two", DeliveryOutcome::Retryable},
                                         {"one", DeliveryOutcome::Delivered}}) {
        auto group = open(1);
        add(*group, "v", "k", {}, {.output = model::Output::Custom, .custom_topic = topic});
        EXPECT_EQ(wait(send(std::move(group))), outcome) << topic;
    }
    EXPECT_EQ(errors(), 1);
}

TEST_F(KafkaSinkTest, RejectsARecordForAnOutputWithoutATopic) {
    start(producer(cluster.brokers()));
    auto group = open(1);
    add(*group, "v", "k", {}, {.output = model::Output::AiOverflow});
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::Rejected);
    EXPECT_EQ(budget.used(), 0U);
}

TEST_F(KafkaSinkTest, RefusesATooLargeRecordAtSendAndKeepsItsPredecessors) {
    auto settings = producer(cluster.brokers());
    settings.message_max_bytes = 2000;
    start(settings);
    auto group = open(3);
    add(*group, "first");
    add(*group, std::string(1990, 'x'), "key",
        {{"token", "t"}});  // only with key, headers and framing above the limit
    add(*group, "never");
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::TooLargeAtSend);
    ASSERT_TRUE(sink->flush(kPatience));
    EXPECT_EQ(send_one("next"), DeliveryOutcome::Delivered);
    auto const records = cluster.read("main", 2);
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(records[0].value, "first");
    EXPECT_EQ(records[1].value, "next");
    EXPECT_EQ(acks("dropped"), 1U);  // the wait for the first was abandoned
    EXPECT_EQ(acks("ok"), 1U);
    EXPECT_EQ(ingested(), 2);
    EXPECT_EQ(errors(), 0);
    EXPECT_EQ(budget.used(), 0U);
}

TEST_F(KafkaSinkTest, ReportsARecordThatTheBrokerFindsTooLarge) {
    start(producer(cluster.brokers()));
    cluster.fail_produce(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
    EXPECT_EQ(send_one("v"), DeliveryOutcome::TooLargeAtAck);
    EXPECT_EQ(acks("too_large"), 1U);
    EXPECT_EQ(errors(), 0);
    EXPECT_EQ(ingested(), 0);
}

TEST_F(KafkaSinkTest, ReportsABrokerErrorAsRetryable) {
    start(producer(cluster.brokers()));
    cluster.fail_produce(RD_KAFKA_RESP_ERR_INVALID_RECORD, 1);
    EXPECT_EQ(send_one("v"), DeliveryOutcome::Retryable);
    EXPECT_EQ(acks("broker_err"), 1U);
    EXPECT_EQ(errors(), 1);
    EXPECT_EQ(send_one("v"), DeliveryOutcome::Delivered);
}

TEST_F(KafkaSinkTest, RetriesAPassingBrokerError) {
    start(producer(cluster.brokers()));
    cluster.fail_produce(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 1);
    EXPECT_EQ(send_one("v"), DeliveryOutcome::Delivered);
    EXPECT_EQ(errors(), 0);
}

TEST_F(KafkaSinkTest, TheFirstNegativeReportDecidesAndTheOthersCountAsDropped) {
    start(producer(cluster.brokers()));
    cluster.fail_produce(RD_KAFKA_RESP_ERR_INVALID_RECORD, 1);
    auto group = open(3);
    for (int i = 0; i < 3; ++i)
        add(*group, "v");
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::Retryable);
    ASSERT_TRUE(sink->flush(kPatience));
    EXPECT_EQ(acks("broker_err"), 1U);
    EXPECT_EQ(acks("dropped") + acks("broker_err") + acks("ok"), 3U);
    EXPECT_EQ(budget.used(), 0U);
}

TEST_F(KafkaSinkTest, AnswersWithinTheMessageTimeoutWhenNoBrokerIsThere) {
    auto settings = producer("127.0.0.1:1");
    settings.message_timeout_ms = 200;
    start(settings);
    EXPECT_EQ(send_one("v"), DeliveryOutcome::Retryable);
    EXPECT_EQ(acks("broker_err"), 1U);
    EXPECT_EQ(errors(), 1);
}

TEST_F(KafkaSinkTest, FailsAtOnceWhenTheQueueFillsInTheMiddleOfAGroup) {
    auto settings = producer("127.0.0.1:1");
    settings.queue_max_messages = 2;
    settings.message_timeout_ms = 300;
    start(settings);
    auto group = open(2);  // fewer than there will be
    for (int i = 0; i < 4; ++i)
        add(*group, "v");
    auto result = send(std::move(group));
    EXPECT_EQ(result.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    EXPECT_EQ(result.get(), DeliveryOutcome::Retryable);
    EXPECT_EQ(errors(), 1);  // the record that found no place; its successors were never enqueued
    EXPECT_EQ(sink->open(1, budget), nullptr);
    EXPECT_EQ(errors(), 2);
    ASSERT_TRUE(sink->flush(kPatience));
    EXPECT_EQ(acks("dropped"), 2U);
    EXPECT_EQ(budget.used(), 0U);
}

TEST_F(KafkaSinkTest, RefusesABatchThatCanNeverFitBeforeAnyWork) {
    auto settings = producer(cluster.brokers());
    settings.queue_max_messages = 100;
    start(settings);
    EXPECT_EQ(sink->open(101, budget), nullptr);
    EXPECT_NE(sink->open(100, budget), nullptr);
}

TEST_F(KafkaSinkTest, TellsThroughCommitThatTheBudgetRefused) {
    start(producer(cluster.brokers()));
    base::Budget small(20'000, 20'000);
    {
        auto group = sink->open(2, small);
        group->begin({}, 100).append("fits");
        EXPECT_TRUE(group->commit("k", {}));
        auto& out = group->begin({}, 100);
        out.append(std::string(40'000, 'x'));
        EXPECT_FALSE(group->commit("k", {}));
    }
    EXPECT_EQ(small.used(), 0U);
}

TEST_F(KafkaSinkTest, EndsEveryGroupWhenItIsDestroyedWithRecordsInFlight) {
    start(producer(cluster.brokers()));
    ASSERT_EQ(send_one("warm"), DeliveryOutcome::Delivered);
    cluster.delay(10'000);
    std::vector<std::future<DeliveryOutcome>> results;
    for (int g = 0; g < 5; ++g) {
        auto group = open(10);
        for (int i = 0; i < 10; ++i)
            add(*group, "v");
        results.push_back(send(std::move(group)));
    }
    EXPECT_FALSE(sink->flush(std::chrono::milliseconds(1)));
    sink.reset();
    for (auto& r : results) {
        ASSERT_EQ(r.wait_for(std::chrono::seconds(0)), std::future_status::ready);
        EXPECT_EQ(r.get(), DeliveryOutcome::Retryable);
    }
    EXPECT_EQ(acks("cancelled"),
              5U);  // the first of each group; its siblings' waits were abandoned
    EXPECT_EQ(acks("dropped"), 45U);
    EXPECT_EQ(budget.used(), 0U);
}

TEST_F(KafkaSinkTest, EndsGroupsEvenWhenTheClientReportsNothing) {
    start({producer("127.0.0.1:1")}, outputs(), {.drain_limit = std::chrono::milliseconds(0)});
    auto group = open(2);
    add(*group, "v", "k", {{"a", "b"}});
    add(*group, "v", "k", {}, {.output = model::Output::Heatmaps});
    auto result = send(std::move(group));
    sink.reset();
    ASSERT_EQ(result.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    EXPECT_EQ(result.get(), DeliveryOutcome::Retryable);
    EXPECT_EQ(acks("cancelled") + acks("cancelled", "heat"), 2U);
    EXPECT_EQ(budget.used(), 0U);
}

TEST_F(KafkaSinkTest, CancelsOnlyTheRecordsThatHadNoReport) {
    auto settings = outputs();
    settings.by_name["HEATMAPS"].producer = "OTHER";
    start({producer(cluster.brokers()), producer("127.0.0.1:1", "OTHER")}, settings,
          {.drain_limit = std::chrono::milliseconds(0)});
    auto group = open(3);
    add(*group, "m");
    add(*group, "h", "k", {}, {.output = model::Output::Heatmaps});
    add(*group, "h", "k", {}, {.output = model::Output::Heatmaps});
    auto result = send(std::move(group));
    EXPECT_EQ(send_one("later, to the same partition"), DeliveryOutcome::Delivered);
    sink.reset();
    EXPECT_EQ(wait(std::move(result)), DeliveryOutcome::Retryable);
    auto const reported = registry.histograms(metric::kAckMillis.many);
    EXPECT_EQ(reported.with({"ok", "main", "INGESTION"}).count(), 2U);
    EXPECT_EQ(reported.with({"cancelled", "main", "INGESTION"}).count(), 0U);
    EXPECT_EQ(reported.with({"cancelled", "heat", "OTHER"}).count(), 2U);
    EXPECT_EQ(errors(), 2);
    EXPECT_EQ(budget.used(), 0U);
}

TEST_F(KafkaSinkTest, FlushSendsWithoutLingering) {
    auto settings = producer(cluster.brokers());
    settings.linger_ms = 15'000;
    start(settings);
    auto group = open(1);
    add(*group, "v");
    auto result = send(std::move(group));
    EXPECT_TRUE(sink->flush(kPatience));
    ASSERT_EQ(result.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    EXPECT_EQ(result.get(), DeliveryOutcome::Delivered);
}

TEST_F(KafkaSinkTest, SpreadsAGroupOverProducersAndLabelsTheirSeries) {
    MockCluster second;
    second.create_topic("heat", 1);
    auto settings = outputs();
    settings.by_name["HEATMAPS"].producer = "OTHER";
    start(
        {producer(cluster.brokers()), producer(second.brokers(), "OTHER"), producer("", "UNUSED")},
        settings);
    auto group = open(2);
    add(*group, "m");
    add(*group, "h", "k", {}, {.output = model::Output::Heatmaps});
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::Delivered);
    EXPECT_EQ(cluster.read("main", 1).at(0).value, "m");
    EXPECT_EQ(second.read("heat", 1).at(0).value, "h");
    auto const bytes = registry.counters(metric::kProduceBytes.many);
    EXPECT_EQ(bytes.with({"main", "INGESTION"}).value(), 1);
    EXPECT_EQ(bytes.with({"heat", "OTHER"}).value(), 1);
}

TEST_F(KafkaSinkTest, ReportsHealthFromStatistics) {
    start({producer(cluster.brokers())}, outputs(),
          {.statistics_interval = std::chrono::milliseconds(20)});
    EXPECT_EQ(first_health.get_future().wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(send_one("v"), DeliveryOutcome::Delivered);
    EXPECT_EQ(registry.gauge(metric::kQueueDepthLimit).value(), 100'000);
}

TEST_F(KafkaSinkTest, ProbeSucceedsWhenABrokerAnswers) {
    start(producer(cluster.brokers()));
    auto const results = sink->probe(kPatience);
    ASSERT_EQ(results.size(), 1U);
    EXPECT_EQ(results[0].error, "");
    std::lock_guard const lock(health_mutex);
    EXPECT_THAT(health, testing::Contains(Pair("INGESTION", true)));
}

TEST_F(KafkaSinkTest, ProbeTellsWhyNoBrokerAnswers) {
    start(producer("127.0.0.1:1"));
    auto const results = sink->probe(std::chrono::milliseconds(50));
    ASSERT_EQ(results.size(), 1U);
    EXPECT_NE(results[0].error, "");
}

class KafkaStartTest : public testing::Test {
  protected:
    std::vector<std::string> problems(const std::vector<config::ProducerSettings>& settings,
                                      const config::OutputsSettings& o = outputs()) {
        auto created = KafkaSink::create(OutputTable(o), settings, registry,
                                         telemetry::Logger::silent(), clock, {});
        return created ? std::vector<std::string>{} : created.error();
    }
    telemetry::Registry registry{"capture", "events"};
    base::SystemClock clock;
};

TEST_F(KafkaStartTest, NamesTheVariableOfAnInvalidProperty) {
    auto settings = producer("127.0.0.1:1");
    settings.compression_codec = "rar";
    EXPECT_THAT(problems({settings}),
                ElementsAre(testing::AllOf(HasSubstr("slot INGESTION"),
                                           HasSubstr("KAFKA_INGESTION_PRODUCER_COMPRESSION_CODEC"),
                                           HasSubstr("KAFKA_COMPRESSION_CODEC"))));
}

TEST_F(KafkaStartTest, NamesTheVariablesOfPropertiesThatContradictEachOther) {
    auto settings = producer("127.0.0.1:1");
    settings.idempotence = true;
    settings.max_in_flight = 100;
    EXPECT_THAT(problems({settings}),
                ElementsAre(HasSubstr("MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION")));
}

TEST_F(KafkaStartTest, AllowsIdempotenceWithTheDefaultOfRequestsInFlight) {
    auto settings = producer("127.0.0.1:1");
    settings.idempotence = true;
    EXPECT_THAT(problems({settings}), ElementsAre());
}

TEST_F(KafkaStartTest, NamesTheVariableOfMissingBrokersAndTheOutputThatNeedsThem) {
    EXPECT_THAT(
        problems({producer("")}),
        ElementsAre(testing::AllOf(HasSubstr("KAFKA_INGESTION_PRODUCER_METADATA_BROKER_LIST"),
                                   HasSubstr("ANALYTICS_MAIN"))));
}

TEST_F(KafkaStartTest, ReportsAllProblemsAtOnce) {
    auto bad = producer("127.0.0.1:1");
    bad.acks = "some";
    auto settings = outputs("NOWHERE");
    EXPECT_THAT(problems({bad}, settings),
                ElementsAre(HasSubstr("ACKS"),
                            HasSubstr("CAPTURE_OUTPUT_CUSTOM_PRODUCER names the slot NOWHERE")));
}

}  // namespace
}  // namespace capture::sink
