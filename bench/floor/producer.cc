#include "floor/producer.h"

#include <librdkafka/rdkafka.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/uuid.h"
#include "load/latencies.h"

namespace capture::bench {
namespace {

[[noreturn]] void fail(const char* what, const char* why) {
    std::fprintf(stderr, "capture_floor: %s: %s\n", what, why);
    std::exit(1);
}

class Dropping final : public Producer {
  public:
    explicit Dropping(Done done) : done_(std::move(done)) {}
    void produce(Records& records) override { done_(records); }
    bool keeps() const override { return false; }

  private:
    Done done_;
};

std::atomic<bool> asked{false};

/// The librdkafka way: the same key and headers, and an acknowledgement from all replicas. Values
/// stay in the request's block, so there is no allocation for them.
class Librdkafka final : public Producer {
  public:
    Librdkafka(const ProducerOptions& options, Done done);
    void produce(Records& records) override;
    bool keeps() const override { return true; }

  private:
    static rd_kafka_conf_t* configure(const ProducerOptions& options);
    void produce(Records& records, const Records::Record& record);
    [[noreturn]] void poll();
    void delivered(rd_kafka_event_t* event);
    void print_latencies();

    Done done_;
    rd_kafka_t* kafka_ = nullptr;
    rd_kafka_topic_t* topic_ = nullptr;
    rd_kafka_queue_t* queue_ = nullptr;
    Latencies latencies_;  ///< of the poll thread
};

rd_kafka_conf_t* Librdkafka::configure(const ProducerOptions& options) {
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    std::string const linger = std::to_string(options.linger_ms);
    char error[256];
    for (auto const& [key, value] : std::initializer_list<std::pair<const char*, const char*>>{
             {"bootstrap.servers", options.brokers.c_str()},
             {"linger.ms", linger.c_str()},
             {"acks", "all"},
             {"partitioner", "murmur2_random"},
             {"queue.buffering.max.messages", "100000"},
             {"queue.buffering.max.kbytes", "409600"},
             {"message.max.bytes", "20000000"},
             {"batch.num.messages", "10000"},
             {"message.timeout.ms", "20000"}}) {
        if (rd_kafka_conf_set(conf, key, value, error, sizeof(error)) != RD_KAFKA_CONF_OK)
            fail(key, error);
    }
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
    return conf;
}

Librdkafka::Librdkafka(const ProducerOptions& options, Done done) : done_(std::move(done)) {
    char error[256];
    kafka_ = rd_kafka_new(RD_KAFKA_PRODUCER, configure(options), error, sizeof(error));
    if (!kafka_) fail("librdkafka", error);
    topic_ = rd_kafka_topic_new(kafka_, options.topic.c_str(), nullptr);
    queue_ = rd_kafka_queue_get_main(kafka_);
    signal(SIGUSR1, [](int) { asked.store(true); });
    std::thread([this] { poll(); }).detach();
}

void Librdkafka::produce(Records& records) {
    records.undelivered.store(records.list.size(), std::memory_order_release);
    records.produced = std::chrono::steady_clock::now();
    for (Records::Record const& record : records.list)
        produce(records, record);
}

void Librdkafka::produce(Records& records, const Records::Record& record) {
    rd_kafka_headers_t* const headers = rd_kafka_headers_new(9);
    auto const header = [headers](std::string_view key, std::string_view text) {
        rd_kafka_header_add(headers, key.data(), static_cast<ssize_t>(key.size()), text.data(),
                            static_cast<ssize_t>(text.size()));
    };
    constexpr std::string_view kNull;
    header("token", records.token);
    header("distinct_id", record.distinct_id);
    header("session_id", record.session_id);
    header("timestamp", records.millis);
    header("event", record.event);
    header("uuid", {records.block.at(record.uuid), base::Uuid::kTextSize});
    header("now", records.now);
    header("force_disable_person_processing", kNull);
    header("historical_migration", kNull);
    if (records.lz4) header("content-encoding", "lz4");
    auto const failed = rd_kafka_producev(
        kafka_, RD_KAFKA_V_RKT(topic_), RD_KAFKA_V_MSGFLAGS(0),
        RD_KAFKA_V_VALUE(records.block.at(record.value), record.key - record.value),
        RD_KAFKA_V_KEY(records.block.at(record.key), record.key_end - record.key),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(&records), RD_KAFKA_V_END);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) fail("produce", rd_kafka_err2str(failed));
}

void Librdkafka::poll() {
    while (true) {
        rd_kafka_event_t* const event = rd_kafka_queue_poll(queue_, 100);
        if (asked.exchange(false)) print_latencies();
        if (!event) continue;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) delivered(event);
        rd_kafka_event_destroy(event);
    }
}

void Librdkafka::delivered(rd_kafka_event_t* event) {
    auto const now = std::chrono::steady_clock::now();
    while (auto const* message = rd_kafka_event_message_next(event)) {
        if (message->err) fail("delivery", rd_kafka_err2str(message->err));
        auto& records = *static_cast<Records*>(message->_private);
        if (records.undelivered.fetch_sub(1, std::memory_order_acq_rel) != 1) continue;
        latencies_.add(std::chrono::duration<double>(now - records.produced).count());
        done_(records);
    }
}

/// Those since the last time.
void Librdkafka::print_latencies() {
    std::printf("{\"p50\":%.1f,\"p99\":%.1f,\"p99.9\":%.1f}\n", latencies_.quantile(.5),
                latencies_.quantile(.99), latencies_.quantile(.999));
    std::fflush(stdout);
    latencies_ = {};
}

}  // namespace

std::unique_ptr<Producer> make_librdkafka_producer(const ProducerOptions& options,
                                                   Producer::Done done) {
    return std::make_unique<Librdkafka>(options, std::move(done));
}

std::unique_ptr<Producer> make_dropping_producer(Producer::Done done) {
    return std::make_unique<Dropping>(std::move(done));
}

}  // namespace capture::bench
