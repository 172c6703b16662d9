#include "sink/kafka/statistics.h"

#include <gtest/gtest.h>

namespace capture::sink::kafka {
namespace {

/// Recorded from librdkafka 2.0.2, shortened.
constexpr std::string_view kRecorded = R"({
 "name": "rdkafka#producer-1", "client_id": "rdkafka", "type": "producer", "ts": 5016483227792, "time": 1527060869,
 "replyq": 3, "msg_cnt": 22710, "msg_size": 704010, "msg_max": 500000, "msg_size_max": 1073741824,
 "simple_cnt": 0, "metadata_cache_cnt": 1,
 "brokers": {
  "localhost:9092/2": {"name": "localhost:9092/2", "nodeid": 2, "nodename": "localhost:9092", "source": "learned",
   "state": "UP", "stateage": 9057234, "outbuf_cnt": 7, "outbuf_msg_cnt": 8, "waitresp_cnt": 9, "waitresp_msg_cnt": 0,
   "tx": 320, "txbytes": 84283332, "txerrs": 4, "txretries": 0, "req_timeouts": 5, "rx": 320, "rxbytes": 15708,
   "rxerrs": 6, "rxcorriderrs": 0,
   "int_latency": {"min": 86, "max": 59375, "avg": 23726, "sum": 5694616664, "stddev": 13982, "p50": 28031,
    "p75": 36095, "p90": 39679, "p95": 43263, "p99": 48639, "p99_99": 59391, "cnt": 240012},
   "rtt": {"min": 1580, "max": 3389, "avg": 2349, "sum": 79868, "stddev": 474, "p50": 2319, "p75": 2543, "p90": 3183,
    "p95": 3199, "p99": 3391, "cnt": 34}, "toppars": {}},
  "bootstrap": {"name": "localhost:9093/bootstrap", "nodeid": -1, "state": "DOWN", "outbuf_cnt": 0, "waitresp_cnt": 0,
   "txerrs": 1, "rxerrs": 0, "req_timeouts": 0}
 },
 "topics": {
  "test": {"topic": "test", "batchsize": {"min": 99, "avg": 391805, "max": 393215},
   "batchcnt": {"min": 1, "avg": 6315, "max": 6320}, "partitions": {}},
  "quiet": {"topic": "quiet"}
 }})";

std::string one_broker(const char* state, int tx_errors) {
    return R"({"replyq":1,"msg_cnt":2,"msg_max":10,"msg_size":5,"msg_size_max":100,"brokers":{"b":{"nodeid":1,"state":")" +
           std::string(state) + R"(","txerrs":)" + std::to_string(tx_errors) + "}}}";
}

class StatisticsTest : public testing::Test {
  protected:
    void apply(std::string_view json) {
        StatisticsMetrics metrics(registry, {"INGESTION"});
        auto const parsed = parse_statistics(json);
        ASSERT_TRUE(parsed);
        metrics.apply(0, *parsed);
    }
    double gauge(const telemetry::MetricSpec& spec) { return registry.gauge(spec).value(); }
    double labelled(const metric::SlotSpec& spec, telemetry::LabelValues values) {
        return spec.one.type == telemetry::MetricType::Gauge
                   ? registry.gauges(spec.one).with(values).value()
                   : registry.counters(spec.one).with(values).value();
    }
    telemetry::Registry registry{"capture", "events"};
};

TEST_F(StatisticsTest, FillsTheMetricsFromARecordedReport) {
    apply(kRecorded);
    EXPECT_EQ(gauge(metric::kAnyBrokersDown), 1);
    EXPECT_EQ(gauge(metric::kCallbackQueueDepth), 3);
    EXPECT_EQ(gauge(metric::kQueueDepth), 22710);
    EXPECT_EQ(gauge(metric::kQueueDepthLimit), 500000);
    EXPECT_EQ(gauge(metric::kQueueBytes), 704010);
    EXPECT_EQ(gauge(metric::kQueueBytesLimit), 1073741824);
    EXPECT_EQ(labelled(metric::kAvgBatchBytes, {"test"}), 391805);
    EXPECT_EQ(labelled(metric::kAvgBatchEvents, {"test"}), 6315);
    EXPECT_EQ(labelled(metric::kBrokerConnected, {"2"}), 1);
    EXPECT_EQ(labelled(metric::kBrokerConnected, {"-1"}), 0);
    EXPECT_EQ(labelled(metric::kRequestsPending, {"2"}), 7);
    EXPECT_EQ(labelled(metric::kResponsesAwaiting, {"2"}), 9);
    EXPECT_EQ(labelled(metric::kTxErrors, {"2"}), 4);
    EXPECT_EQ(labelled(metric::kRxErrors, {"2"}), 6);
    EXPECT_EQ(labelled(metric::kRequestTimeouts, {"2"}), 5);
    EXPECT_EQ(labelled(metric::kRtt, {"avg", "2"}), 2349);
    EXPECT_EQ(labelled(metric::kRtt, {"p99", "2"}), 3391);
    EXPECT_EQ(labelled(metric::kIntLatency, {"stddev", "2"}), 13982);
}

TEST_F(StatisticsTest, WritesWindowsOnlyWhenTheyAreThere) {
    apply(kRecorded);
    auto const text = registry.expose();
    EXPECT_EQ(text.find("outbuf_latency"), std::string::npos);
    EXPECT_EQ(text.find("topic=\"quiet\""), std::string::npos);
    EXPECT_EQ(text.find("rtt_latency_us{role=\"capture\",capture_mode=\"events\",quantile=\"p50\","
                        "broker=\"-1\""),
              std::string::npos);
}

TEST_F(StatisticsTest, SetsCountersToTheClientsCountAndNeverBack) {
    apply(one_broker("UP", 5));
    apply(one_broker("UP", 9));
    EXPECT_EQ(labelled(metric::kTxErrors, {"1"}), 9);
    apply(one_broker("UP", 2));
    EXPECT_EQ(labelled(metric::kTxErrors, {"1"}), 9);
}

TEST_F(StatisticsTest, SumsOverSlotsAndNamesThem) {
    StatisticsMetrics metrics(registry, {"ONE", "TWO"});
    metrics.apply(0, *parse_statistics(one_broker("UP", 0)));
    EXPECT_EQ(gauge(metric::kAnyBrokersDown), 0);
    metrics.apply(1, *parse_statistics(one_broker("DOWN", 0)));
    metrics.apply(1, *parse_statistics(one_broker("DOWN", 0)));
    EXPECT_EQ(gauge(metric::kAnyBrokersDown), 1);
    EXPECT_EQ(gauge(metric::kQueueDepth), 4);
    EXPECT_EQ(gauge(metric::kQueueBytesLimit), 200);
    EXPECT_EQ(registry.gauges(metric::kBrokerConnected.many).with({"1", "ONE"}).value(), 1);
    EXPECT_EQ(registry.gauges(metric::kBrokerConnected.many).with({"1", "TWO"}).value(), 0);
}

TEST(ParseStatistics, LeavesOutWhatIsMissingOrOfAnotherType) {
    auto const s =
        parse_statistics(R"({"msg_cnt":"many","brokers":{"a":5,"b":{"state":7}},"topics":[]})");
    ASSERT_TRUE(s);
    EXPECT_EQ(s->messages, 0);
    ASSERT_EQ(s->brokers.size(), 1U);
    EXPECT_FALSE(s->brokers[0].up);
    EXPECT_TRUE(s->topics.empty());
    EXPECT_FALSE(s->any_broker_up());
}

TEST(ParseStatistics, GivesNothingForWhatIsNotAnObject) {
    EXPECT_FALSE(parse_statistics(""));
    EXPECT_FALSE(parse_statistics("[1]"));
    EXPECT_FALSE(parse_statistics(R"({"msg_cnt":)"));
}

}  // namespace
}  // namespace capture::sink::kafka
