// One librdkafka producer: the client of one slot, its poll thread, its statistics. Inside
// sink/kafka only.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "config/settings.h"
#include "sink/kafka/context.h"
#include "sink/kafka/group.h"
#include "sink/kafka/statistics.h"

struct rd_kafka_topic_s;

namespace capture::sink::kafka {

struct ProducerHooks {
    std::function<void(const Statistics&)> statistics;  ///< from the poll thread
    std::function<void(bool healthy)> health;           ///< from the poll thread and from probe()
};

struct ProducerLimits {
    std::chrono::milliseconds statistics_interval{10'000};  ///< contract 20 §6.2: fixed
    std::chrono::milliseconds drain{3'000};    ///< waiting for the reports of purged records
    std::chrono::milliseconds destroy{3'000};  ///< waiting for librdkafka's threads to end
};

class Producer {
  public:
    /// The error names the slot and the variable.
    static std::expected<std::unique_ptr<Producer>, std::string> create(
        const config::ProducerSettings& settings, Context& context, ProducerHooks hooks,
        const ProducerLimits& limits);
    /// Stops if stop() was not called, then waits for the client's end; a client that does not end
    /// in time is left to a detached thread.
    ~Producer();

    const std::string& slot() const;
    /// Valid as long as the producer.
    rd_kafka_topic_s* topic_handle(const std::string& name);

    /// Tells how much is about to be enqueued (or, negative, was not after all). Before the first
    /// enqueue() of it: this publishes the records' memory to the poll thread.
    void announce(std::ptrdiff_t records, std::ptrdiff_t bytes);
    /// Hands the record of that run over without blocking; its value and key must stay until the
    /// report. 0, or an rd_kafka_resp_err_t; then the headers stay the caller's.
    int enqueue(const Record& record, Run& run);
    /// How many records the queue can take now.
    std::size_t room() const;

    /// Sends what is queued without lingering and waits for all reports. False when some are
    /// missing.
    bool flush(std::chrono::milliseconds limit);
    /// Asks for the metadata of `__consumer_offsets`, blocking. Empty when a broker answered, else
    /// why not.
    std::string probe(std::chrono::milliseconds limit);
    /// Purges what is queued and in flight and waits for the reports. When it returns, none will
    /// come any more.
    void stop();

  private:
    struct State;
    explicit Producer(std::shared_ptr<State> state);
    const std::shared_ptr<State> state_;
};

}  // namespace capture::sink::kafka
