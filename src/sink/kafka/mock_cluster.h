// For tests: librdkafka's in-process mock brokers, and a reader of what was produced to them.
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace capture::sink::kafka {

struct ReadRecord {
    std::optional<std::string> key;
    std::string value;
    std::vector<std::pair<std::string, std::optional<std::string>>> headers;
    std::int32_t partition = 0;
};

class MockCluster {
  public:
    explicit MockCluster(int brokers = 1) {
        char error[256];
        rd_kafka_conf_t* const conf = rd_kafka_conf_new();
        rd_kafka_conf_set_log_cb(conf, nullptr);
        host_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
        cluster_ = rd_kafka_mock_cluster_new(host_, brokers);
    }
    ~MockCluster() {
        rd_kafka_mock_cluster_destroy(cluster_);
        rd_kafka_destroy(host_);
    }
    MockCluster(const MockCluster&) = delete;
    MockCluster& operator=(const MockCluster&) = delete;

    std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
    rd_kafka_mock_cluster_t* handle() { return cluster_; }
    void create_topic(const char* name, int partitions) {
        rd_kafka_mock_topic_create(cluster_, name, partitions, 1);
    }
    void delay(int milliseconds) { rd_kafka_mock_broker_set_rtt(cluster_, -1, milliseconds); }
    /// The next `count` produce requests fail.
    void fail_produce(rd_kafka_resp_err_t error, int count) {
        std::vector<rd_kafka_resp_err_t> const errors(static_cast<std::size_t>(count), error);
        rd_kafka_mock_push_request_errors_array(cluster_, kProduceRequest, errors.size(),
                                                errors.data());
    }

    /// The first `count` records of a partition, in order.
    std::vector<ReadRecord> read(const std::string& topic, std::size_t count,
                                 std::int32_t partition = 0) const {
        char error[256];
        rd_kafka_conf_t* const conf = rd_kafka_conf_new();
        rd_kafka_conf_set(conf, "bootstrap.servers", brokers().c_str(), error, sizeof error);
        rd_kafka_conf_set(conf, "group.id", "reader", error, sizeof error);
        rd_kafka_t* const consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
        rd_kafka_poll_set_consumer(consumer);
        auto* const list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = 0;
        rd_kafka_assign(consumer, list);
        rd_kafka_topic_partition_list_destroy(list);
        std::vector<ReadRecord> out;
        for (int idle = 0; out.size() < count && idle < 100;) {
            rd_kafka_message_t* const m = rd_kafka_consumer_poll(consumer, 100);
            if (!m) {
                ++idle;
                continue;
            }
            if (!m->err) out.push_back(convert(*m));
            rd_kafka_message_destroy(m);
        }
        rd_kafka_consumer_close(consumer);
        rd_kafka_destroy(consumer);
        return out;
    }

  private:
    static constexpr std::int16_t kProduceRequest = 0;

    static ReadRecord convert(const rd_kafka_message_t& m) {
        ReadRecord r;
        if (m.key) r.key.emplace(static_cast<const char*>(m.key), m.key_len);
        r.value.assign(static_cast<const char*>(m.payload), m.len);
        r.partition = m.partition;
        rd_kafka_headers_t* headers = nullptr;
        if (rd_kafka_message_headers(&m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            const char* name = nullptr;
            const void* value = nullptr;
            std::size_t size = 0;
            for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0;
                 ++i) {
                r.headers.emplace_back(
                    name, value ? std::optional(std::string(static_cast<const char*>(value), size))
                                : std::nullopt);
            }
        }
        return r;
    }

    rd_kafka_t* host_ = nullptr;
    rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace capture::sink::kafka
