// The ways to produce: where a request's records go, and who says when they are there.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "floor/records.h"

namespace capture::bench {

struct ProducerOptions {
    std::string brokers;
    std::string topic;
    int linger_ms = 20;
};

class Producer {
  public:
    /// Called once per request, from any thread, when all of its records are acknowledged.
    using Done = std::function<void(Records&)>;

    virtual ~Producer() = default;
    /// `records` stays as it is until it is done.
    virtual void produce(Records& records) = 0;
    /// Whether it still reads the records when produce() has returned.
    virtual bool keeps() const = 0;
};

std::unique_ptr<Producer> make_librdkafka_producer(const ProducerOptions& options,
                                                   Producer::Done done);
/// Forgets the records.
std::unique_ptr<Producer> make_dropping_producer(Producer::Done done);

}  // namespace capture::bench
