// The last two stops of every surface: events are routed and written into the sink's memory; what
// becomes of them decides the answer. Contract 20 §8-9.
#pragma once

#include <memory_resource>
#include <span>

#include "base/async.h"
#include "model/error.h"
#include "model/event.h"
#include "pipeline/context.h"
#include "route/record.h"

namespace capture::pipeline {

class Publisher {
  public:
    explicit Publisher(const Context& context) : context_(context) {}

    /// Routes and writes the records; sends nothing yet. Synchronous, any thread. Errors:
    /// RetryableSink (the sink is full), ServiceUnavailable (memory budget), NoSessionId,
    /// NonRetrySink (an envelope that cannot be made).
    model::Result<sink::RecordGroupPtr> write(std::span<const model::Event> events,
                                              const model::RequestFacts& facts) const;

    /// What the end of a group means for its request. Errors: OversizeEvent, RetryableSink,
    /// NonRetrySink. Counts the record that Kafka cannot take.
    model::Result<void> judge(model::DeliveryOutcome outcome) const;

  private:
    model::Result<void> write_record(sink::RecordGroup& group, const model::Event& event,
                                     const route::RequestTexts& texts,
                                     std::pmr::string& key_scratch) const;
    model::Result<void> write_value(sink::RecordGroup& group, const model::Event& event,
                                    const model::Destination& destination,
                                    const route::RequestTexts& texts) const;

    const Context& context_;
};

}  // namespace capture::pipeline
