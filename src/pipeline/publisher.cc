#include "pipeline/publisher.h"

#include <utility>

#include "parse/analytics_v0/processor.h"
#include "route/lane.h"

namespace capture::pipeline {
namespace {

/// Observes the preparation time on every way out.
class PrepTimer {
  public:
    PrepTimer(const base::Clock& clock, const telemetry::Histogram& histogram)
        : clock_(clock), histogram_(histogram), start_(clock.steady()) {}
    ~PrepTimer() {
        histogram_.observe(std::chrono::duration<double>(clock_.steady() - start_).count());
    }
    PrepTimer(const PrepTimer&) = delete;
    PrepTimer& operator=(const PrepTimer&) = delete;

  private:
    const base::Clock& clock_;
    const telemetry::Histogram& histogram_;
    std::chrono::steady_clock::time_point start_;
};

}  // namespace

model::Result<sink::RecordGroupPtr> Publisher::write(std::span<const model::Event> events,
                                                     const model::RequestFacts& facts) {
    PrepTimer const timer(context_.clock, context_.probe.prep_duration);
    auto group = context_.sink.open(events.size(), context_.budget);
    if (!group) return model::fail(model::Code::RetryableSink);
    route::RequestTexts const texts(facts);
    std::string key_scratch;
    for (const model::Event& event : events) {
        auto written = write_record(*group, event, texts, key_scratch);
        if (!written) return std::unexpected(std::move(written.error()));
    }
    return group;
}

model::Result<void> Publisher::write_record(sink::RecordGroup& group, const model::Event& event,
                                            const route::RequestTexts& texts,
                                            std::string& key_scratch) {
    auto const destination = route::choose_lane(event, context_.lanes);
    if (!destination) return std::unexpected(destination.error());
    if (destination->dlq) {
        (event.stamps.dlq ? context_.route_probe.dlq_restriction
                          : context_.route_probe.dlq_unbacked)
            .add();
    } else if (destination->output == model::Output::Custom) {
        context_.route_probe.custom_topic.add();
    }

    base::ByteWriter& value = group.begin(
        *destination, route::value_size_hint(event, parse::analytics_v0::data_size(event.data)));
    route::write_value(value, event, texts);

    model::HeaderList headers;
    route::fill_headers(headers, event, *destination, texts,
                        destination->dlq ? context_.clock.now() : base::Instant{});
    auto const key = route::record_key(event, destination->key, texts.facts().token, key_scratch);
    if (!group.commit(key, {headers.begin(), headers.size()})) {
        return model::fail(model::Code::ServiceUnavailable, "memory budget exhausted");
    }
    return {};
}

base::Task<model::Result<void>> Publisher::deliver(sink::RecordGroupPtr group) {
    auto const send = [&group](auto done) { sink::submit(std::move(group), std::move(done)); };
    auto const outcome = co_await base::wait_for<model::DeliveryOutcome>(send);
    switch (outcome) {
        case model::DeliveryOutcome::Delivered:
            co_return model::Result<void>{};
        case model::DeliveryOutcome::TooLargeAtSend:
            context_.probe.dropped_kafka_size.add();
            co_return model::fail(model::Code::OversizeEvent,
                                  "Event rejected by kafka during send");
        case model::DeliveryOutcome::TooLargeAtAck:
            context_.probe.dropped_kafka_size.add();
            co_return model::fail(model::Code::OversizeEvent,
                                  "Event rejected by kafka broker during ack");
        case model::DeliveryOutcome::Retryable:
            co_return model::fail(model::Code::RetryableSink);
        case model::DeliveryOutcome::Rejected:
            break;
    }
    co_return model::fail(model::Code::NonRetrySink);
}

}  // namespace capture::pipeline
