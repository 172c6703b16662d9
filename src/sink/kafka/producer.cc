#include "sink/kafka/producer.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "base/thread_name.h"
#include "sink/kafka/c11_threads.h"
#include "sink/kafka/reports.h"

namespace capture::sink::kafka {
namespace {

constexpr const char* kTarget = "rdkafka";
/// Few enough that what was fetched for the last is not driven out by the first.
constexpr std::size_t kReportsAhead = 32;

struct Property {
    const char* name;
    const char* suffix;  ///< KAFKA_<SLOT>_PRODUCER_<suffix>
    const char* legacy;  ///< the older name that feeds the slot INGESTION
    std::optional<std::string> value;
};

std::optional<std::string> text(const std::string& value) {
    return value.empty() ? std::nullopt : std::optional(value);
}
std::string flag(bool value) {
    return value ? "true" : "false";
}

/// Contract 20 §6.2. No value = the property is not set.
std::vector<Property> properties(const config::ProducerSettings& s) {
    auto number = [](std::uint64_t n) { return std::to_string(n); };
    // The default of 1,000,000 contradicts idempotence, which allows 5 at most: librdkafka chooses
    // then.
    bool const choose_in_flight =
        s.idempotence && s.max_in_flight == config::ProducerSettings{}.max_in_flight;
    return {
        {"bootstrap.servers", "METADATA_BROKER_LIST", "KAFKA_HOSTS", s.brokers},
        {"security.protocol", "SECURITY_PROTOCOL", "KAFKA_TLS", text(s.security_protocol)},
        {"enable.ssl.certificate.verification", "ENABLE_SSL_CERTIFICATE_VERIFICATION", "KAFKA_TLS",
         text(s.ssl_certificate_verification)},
        {"client.id", "CLIENT_ID", "KAFKA_CLIENT_ID", text(s.client_id)},
        {"compression.codec", "COMPRESSION_CODEC", "KAFKA_COMPRESSION_CODEC",
         text(s.compression_codec)},
        {"linger.ms", "LINGER_MS", "KAFKA_PRODUCER_LINGER_MS", number(s.linger_ms)},
        {"batch.size", "BATCH_SIZE", "KAFKA_PRODUCER_BATCH_SIZE", number(s.batch_size)},
        {"batch.num.messages", "BATCH_NUM_MESSAGES", "KAFKA_PRODUCER_BATCH_NUM_MESSAGES",
         number(s.batch_num_messages)},
        {"queue.buffering.max.messages", "QUEUE_BUFFERING_MAX_MESSAGES",
         "KAFKA_PRODUCER_QUEUE_BUFFERING_MAX_MESSAGES", number(s.queue_max_messages)},
        {"queue.buffering.max.kbytes", "QUEUE_BUFFERING_MAX_KBYTES", "KAFKA_PRODUCER_QUEUE_MIB",
         number(s.queue_max_kbytes)},
        {"message.max.bytes", "MESSAGE_MAX_BYTES", "KAFKA_PRODUCER_MESSAGE_MAX_BYTES",
         number(s.message_max_bytes)},
        {"message.timeout.ms", "MESSAGE_TIMEOUT_MS", "KAFKA_MESSAGE_TIMEOUT_MS",
         number(s.message_timeout_ms)},
        {"sticky.partitioning.linger.ms", "STICKY_PARTITIONING_LINGER_MS",
         "KAFKA_PRODUCER_STICKY_PARTITIONING_LINGER_MS", number(s.sticky_partitioning_linger_ms)},
        {"topic.metadata.refresh.interval.ms", "TOPIC_METADATA_REFRESH_INTERVAL_MS",
         "KAFKA_TOPIC_METADATA_REFRESH_INTERVAL_MS", number(s.topic_metadata_refresh_interval_ms)},
        {"metadata.max.age.ms", "METADATA_MAX_AGE_MS", "KAFKA_METADATA_MAX_AGE_MS",
         number(s.metadata_max_age_ms)},
        {"message.send.max.retries", "RETRIES", "KAFKA_PRODUCER_MAX_RETRIES", number(s.retries)},
        {"max.in.flight.requests.per.connection", "MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION",
         "KAFKA_PRODUCER_MAX_IN_FLIGHT_REQUESTS",
         choose_in_flight ? std::nullopt : std::optional(number(s.max_in_flight))},
        {"enable.idempotence", "ENABLE_IDEMPOTENCE", "KAFKA_PRODUCER_ENABLE_IDEMPOTENCE",
         flag(s.idempotence)},
        {"acks", "ACKS", "KAFKA_PRODUCER_ACKS", text(s.acks)},
        {"partitioner", "PARTITIONER", "KAFKA_PRODUCER_PARTITIONER", text(s.partitioner)},
        {"socket.timeout.ms", "SOCKET_TIMEOUT_MS", "KAFKA_SOCKET_TIMEOUT_MS",
         number(s.socket_timeout_ms)},
        {"broker.address.family", "BROKER_ADDRESS_FAMILY", "KAFKA_BROKER_ADDRESS_FAMILY",
         text(s.broker_address_family)},
        {"log.connection.close", "LOG_CONNECTION_CLOSE", "KAFKA_LOG_CONNECTION_CLOSE",
         flag(s.log_connection_close)},
        {"retry.backoff.max.ms", "RETRY_BACKOFF_MAX_MS", "KAFKA_RETRY_BACKOFF_MAX_MS",
         number(s.retry_backoff_max_ms)},
        {"socket.send.buffer.bytes", "SOCKET_SEND_BUFFER_BYTES", "KAFKA_SOCKET_SEND_BUFFER_BYTES",
         number(s.socket_send_buffer_bytes)},
        {"socket.receive.buffer.bytes", "SOCKET_RECEIVE_BUFFER_BYTES",
         "KAFKA_SOCKET_RECEIVE_BUFFER_BYTES", number(s.socket_receive_buffer_bytes)},
    };
}

std::string variable(const std::string& slot, const Property& p) {
    std::string name = "KAFKA_" + slot + "_PRODUCER_" + p.suffix;
    if (slot == config::ProducerSettings{}.slot) name.append(" (or ").append(p.legacy).append(")");
    return name;
}

telemetry::Level level_of(int syslog_level) {
    if (syslog_level <= 3) return telemetry::Level::Error;
    if (syslog_level == 4) return telemetry::Level::Warn;
    return syslog_level <= 6 ? telemetry::Level::Info : telemetry::Level::Debug;
}

/// The client's log lines, from any of its threads. Can be silenced, because a client that does not
/// end in time may outlive the logger.
class LogBridge {
  public:
    LogBridge(telemetry::Logger& log, std::string slot) : log_(&log), slot_(std::move(slot)) {}
    void write(int syslog_level, std::string_view facility, std::string_view text) {
        std::lock_guard const lock(mutex_);
        auto const level = level_of(syslog_level);
        if (!log_ || !log_->enabled(level, kTarget)) return;
        log_->log(level, kTarget, text, {{"facility", facility}, {"producer", slot_}});
    }
    void silence() {
        std::lock_guard const lock(mutex_);
        log_ = nullptr;
    }

  private:
    std::mutex mutex_;
    telemetry::Logger* log_;
    const std::string slot_;
};

struct ConfDelete {
    void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using ConfPtr = std::unique_ptr<rd_kafka_conf_t, ConfDelete>;

/// Empty, or what is wrong with which variable.
std::string configure(rd_kafka_conf_t* conf, const config::ProducerSettings& settings,
                      LogBridge& log) {
    char error[512];
    for (auto const& p : properties(settings)) {
        if (!p.value) continue;
        switch (rd_kafka_conf_set(conf, p.name, p.value->c_str(), error, sizeof error)) {
            case RD_KAFKA_CONF_OK:
                break;
            case RD_KAFKA_CONF_UNKNOWN:  // retry.backoff.max.ms came with librdkafka 2.3
                log.write(6, "CONF",
                          std::string(p.name) + " is unknown to librdkafka " +
                              rd_kafka_version_str() + ": " + variable(settings.slot, p) +
                              " has no effect");
                break;
            default:
                return "producer slot " + settings.slot + ": " + variable(settings.slot, p) + ": " +
                       error;
        }
    }
    return {};
}

/// Whether the text speaks of the property, in full or in one of the client's short forms.
bool mentions(std::string_view text, std::string_view property) {
    for (auto at = text.find('`'); at != std::string_view::npos;) {
        auto const end = text.find('`', at + 1);
        if (end == std::string_view::npos) return false;
        auto const word = text.substr(at + 1, end - at - 1);
        if (word == property || (property.starts_with(word) && property[word.size()] == '.') ||
            (word == "retries" && property == "message.send.max.retries")) {
            return true;
        }
        at = text.find('`', end + 1);
    }
    return false;
}

/// Errors of rd_kafka_new() name properties; the operator knows variables.
std::string name_variables(std::string message, const config::ProducerSettings& settings) {
    std::string variables;
    for (auto const& p : properties(settings)) {
        if (!mentions(message, p.name)) continue;
        variables.append(variables.empty() ? " [" : ", ").append(variable(settings.slot, p));
    }
    if (!variables.empty()) message.append(variables).append("]");
    return "producer slot " + settings.slot + ": " + message;
}

}  // namespace

struct Producer::State {
    State(const config::ProducerSettings& s, Context& c, ProducerHooks h, const ProducerLimits& l)
        : slot(s.slot),
          queue_messages(s.queue_max_messages),
          queue_bytes(s.queue_max_kbytes * 1024),
          context(c),
          hooks(std::move(h)),
          limits(l),
          log(c.log, s.slot) {}

    const std::string slot;
    const std::uint64_t queue_messages;
    const std::uint64_t queue_bytes;
    Context& context;
    const ProducerHooks hooks;
    const ProducerLimits limits;
    LogBridge log;

    rd_kafka_t* client = nullptr;
    rd_kafka_queue_t* queue = nullptr;
    std::mutex topics_mutex;
    std::unordered_map<std::string, rd_kafka_topic_t*> topics;

    alignas(64) std::atomic<std::ptrdiff_t> records_in_flight{0};
    std::atomic<std::ptrdiff_t> bytes_in_flight{0};

    std::thread thread;
    std::atomic<bool> stopping{false};
    std::mutex mutex;
    std::condition_variable changed;
    bool drained = false;
    bool destroyed = false;

    /// Handles at most one event; false when none came in time.
    bool serve(int timeout_ms);
    void on_deliveries(rd_kafka_event_t* event);
    void on_statistics(rd_kafka_event_t* event);
    void on_error(rd_kafka_event_t* event);
    void drain();
    void destroy();
    void run();
    bool wait_for(bool State::* flag, std::chrono::milliseconds limit);
};

void Producer::State::on_deliveries(rd_kafka_event_t* event) {
    // Acquires what announce() released: the records were written by other threads.
    (void)records_in_flight.load(std::memory_order_acquire);
    std::ptrdiff_t records = 0;
    std::ptrdiff_t bytes = 0;
    {
        ReportBatch batch(context, context.clock.steady());
        std::array<const rd_kafka_message_t*, kReportsAhead> messages;
        while (auto const count =
                   rd_kafka_event_message_array(event, messages.data(), messages.size())) {
            records += static_cast<std::ptrdiff_t>(count);
            auto const some = std::span(messages).first(count);
            for (auto const* const message : some)
                ReportBatch::expect(*static_cast<Run*>(message->_private));
            for (auto const* const message : some) {
                bytes += static_cast<std::ptrdiff_t>(message->len);
                batch.add(*static_cast<Run*>(message->_private), message->err);
            }
        }
    }
    records_in_flight.fetch_sub(records, std::memory_order_relaxed);
    bytes_in_flight.fetch_sub(bytes, std::memory_order_relaxed);
}

void Producer::State::on_statistics(rd_kafka_event_t* event) {
    auto const statistics = parse_statistics(rd_kafka_event_stats(event));
    if (!statistics) {
        log.write(4, "STATS", "statistics are not JSON");
        return;
    }
    if (hooks.statistics) hooks.statistics(*statistics);
    // A fatal error (idempotence only) never goes away: without a healthy report the process is
    // replaced.
    bool const healthy = statistics->any_broker_up() &&
                         rd_kafka_fatal_error(client, nullptr, 0) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (hooks.health) hooks.health(healthy);
}

void Producer::State::on_error(rd_kafka_event_t* event) {
    log.write(3, rd_kafka_err2name(rd_kafka_event_error(event)),
              rd_kafka_event_error_string(event));
}

bool Producer::State::serve(int timeout_ms) {
    rd_kafka_event_t* const event = rd_kafka_queue_poll(queue, timeout_ms);
    if (!event) return false;
    switch (rd_kafka_event_type(event)) {
        case RD_KAFKA_EVENT_DR:
            on_deliveries(event);
            break;
        case RD_KAFKA_EVENT_STATS:
            on_statistics(event);
            break;
        case RD_KAFKA_EVENT_ERROR:
            on_error(event);
            break;
        default:
            break;
    }
    rd_kafka_event_destroy(event);
    return true;
}

/// Gives every record that is left its report.
void Producer::State::drain() {
    constexpr int kPollMillis = 20;
    auto patience = limits.drain.count() / kPollMillis;
    while (rd_kafka_outq_len(client) > 0 && patience > 0) {
        rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                   RD_KAFKA_PURGE_F_NON_BLOCKING);
        if (!serve(kPollMillis)) --patience;
    }
    std::lock_guard const lock(mutex);
    drained = true;
    changed.notify_all();
}

void Producer::State::destroy() {
    for (auto const& [name, topic] : topics)
        rd_kafka_topic_destroy(topic);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    std::lock_guard const lock(mutex);
    destroyed = true;
    changed.notify_all();
}

void Producer::State::run() {
    base::ThreadName const name("kafka-" + slot);
    while (!stopping.load(std::memory_order_acquire))
        serve(1000);
    drain();
    destroy();
}

bool Producer::State::wait_for(bool State::* flag, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, limit, [&] { return this->*flag; });
}

std::expected<std::unique_ptr<Producer>, std::string> Producer::create(
    const config::ProducerSettings& settings, Context& context, ProducerHooks hooks,
    const ProducerLimits& limits) {
    use_posix_threads();
    auto state = std::make_shared<State>(settings, context, std::move(hooks), limits);
    ConfPtr conf(rd_kafka_conf_new());
    if (auto error = configure(conf.get(), settings, state->log); !error.empty())
        return std::unexpected(error);
    auto const interval = std::to_string(limits.statistics_interval.count());
    char error[512];
    if (rd_kafka_conf_set(conf.get(), "statistics.interval.ms", interval.c_str(), error,
                          sizeof error) != RD_KAFKA_CONF_OK) {
        return std::unexpected("producer slot " + settings.slot +
                               ": statistics.interval.ms: " + error);
    }
    // The default of 10 s is a third of the health deadline: brokers that are back are to be found
    // at once.
    rd_kafka_conf_set(conf.get(), "reconnect.backoff.max.ms", "1000", error, sizeof error);
    rd_kafka_conf_set_events(conf.get(),
                             RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_STATS | RD_KAFKA_EVENT_ERROR);
    rd_kafka_conf_set_opaque(conf.get(), state.get());
    rd_kafka_conf_set_log_cb(
        conf.get(), [](const rd_kafka_t* client, int level, const char* facility, const char* buf) {
            static_cast<State*>(rd_kafka_opaque(client))->log.write(level, facility, buf);
        });
    state->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), error, sizeof error);
    if (!state->client) return std::unexpected(name_variables(error, settings));
    (void)conf.release();  // the client's now
    state->queue = rd_kafka_queue_get_main(state->client);
    state->thread = std::thread([state] { state->run(); });
    return std::unique_ptr<Producer>(new Producer(std::move(state)));
}

Producer::Producer(std::shared_ptr<State> state) : state_(std::move(state)) {}

Producer::~Producer() {
    stop();
    if (state_->wait_for(&State::destroyed, state_->limits.destroy)) {
        state_->thread.join();
    } else {
        state_->log.write(4, "TERMINATE", "the client's threads did not end in time");
        state_->log.silence();
        state_->thread.detach();
    }
}

void Producer::stop() {
    std::unique_lock lock(state_->mutex);
    // Under the lock that drain() takes at its end: the thread must not destroy the queue
    // meanwhile.
    if (!state_->stopping.exchange(true, std::memory_order_acq_rel))
        rd_kafka_queue_yield(state_->queue);
    state_->changed.wait(lock, [&] { return state_->drained; });
}

const std::string& Producer::slot() const {
    return state_->slot;
}

rd_kafka_topic_t* Producer::topic_handle(const std::string& name) {
    std::lock_guard const lock(state_->topics_mutex);
    auto& handle = state_->topics[name];
    if (!handle) handle = rd_kafka_topic_new(state_->client, name.c_str(), nullptr);
    return handle;
}

void Producer::announce(std::ptrdiff_t records, std::ptrdiff_t bytes) {
    state_->records_in_flight.fetch_add(records, std::memory_order_release);
    state_->bytes_in_flight.fetch_add(bytes, std::memory_order_relaxed);
}

int Producer::enqueue(const Record& record, Run& run) {
    if (!record.topic->handle) return RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    return rd_kafka_producev(state_->client, RD_KAFKA_V_RKT(record.topic->handle),
                             RD_KAFKA_V_PARTITION(RD_KAFKA_PARTITION_UA), RD_KAFKA_V_MSGFLAGS(0),
                             RD_KAFKA_V_VALUE(record.value, record.value_size),
                             RD_KAFKA_V_KEY(record.key(), record.key_bytes()),
                             RD_KAFKA_V_HEADERS(record.headers), RD_KAFKA_V_OPAQUE(&run),
                             RD_KAFKA_V_END);
}

std::size_t Producer::room() const {
    auto const in_flight = [](const std::atomic<std::ptrdiff_t>& count) {
        return static_cast<std::uint64_t>(
            std::max<std::ptrdiff_t>(count.load(std::memory_order_relaxed), 0));
    };
    std::uint64_t const used = in_flight(state_->records_in_flight);
    if (used >= state_->queue_messages || in_flight(state_->bytes_in_flight) >= state_->queue_bytes)
        return 0;
    return state_->queue_messages - used;
}

bool Producer::flush(std::chrono::milliseconds limit) {
    return rd_kafka_flush(state_->client, static_cast<int>(std::max<std::int64_t>(
                                              limit.count(), 0))) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

std::string Producer::probe(std::chrono::milliseconds limit) {
    rd_kafka_topic_t* const topic =
        rd_kafka_topic_new(state_->client, "__consumer_offsets", nullptr);
    const rd_kafka_metadata_t* metadata = nullptr;
    auto const error =
        rd_kafka_metadata(state_->client, 0, topic, &metadata, static_cast<int>(limit.count()));
    if (metadata) rd_kafka_metadata_destroy(metadata);
    if (topic) rd_kafka_topic_destroy(topic);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return rd_kafka_err2str(error);
    if (state_->hooks.health) state_->hooks.health(true);
    return {};
}

}  // namespace capture::sink::kafka
