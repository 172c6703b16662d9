#include "pipeline/publisher.h"

#include <utility>

#include "base/charged_memory.h"
#include "route/envelope.h"
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
                                                     const model::RequestFacts& facts) const {
    PrepTimer const timer(context_.clock, context_.probe.prep_duration);
    auto group = context_.sink.open(events.size(), context_.budget);
    if (!group) return model::fail(model::Code::RetryableSink);
    route::RequestTexts const texts(facts);
    thread_local std::pmr::string key_scratch;  // keys are short, and its memory stays
    for (const model::Event& event : events) {
        auto written = write_record(*group, event, texts, key_scratch);
        if (!written) return std::unexpected(std::move(written.error()));
    }
    return group;
}

model::Result<void> Publisher::write_record(sink::RecordGroup& group, const model::Event& event,
                                            const route::RequestTexts& texts,
                                            std::pmr::string& key_scratch) const {
    auto const destination = route::choose_lane(event, context_.lanes);
    if (!destination) return std::unexpected(destination.error());
    if (destination->dlq) {
        (event.stamps.dlq ? context_.route_probe.dlq_restriction
                          : context_.route_probe.dlq_unbacked)
            .add();
    } else if (destination->output == model::Output::Custom) {
        context_.route_probe.custom_topic.add();
    }

    if (auto written = write_value(group, event, *destination, texts); !written) return written;

    model::HeaderList headers;
    route::fill_headers(headers, event, *destination, texts,
                        destination->dlq ? context_.clock.now() : base::Instant{});
    auto const key = route::record_key(event, destination->key, texts.facts().token, key_scratch);
    if (!group.commit(key, {headers.begin(), headers.size()})) {
        return model::fail(model::Code::ServiceUnavailable, "memory budget exhausted");
    }
    return {};
}

/// Plain values are written straight into the sink's memory; an enveloped one is made in memory of
/// its own first.
model::Result<void> Publisher::write_value(sink::RecordGroup& group, const model::Event& event,
                                           const model::Destination& destination,
                                           const route::RequestTexts& texts) const {
    std::size_t const hint = route::value_size_hint(event);
    if (!destination.lz4) {
        route::write_value(group.begin(destination, hint), event, texts);
        return {};
    }
    base::ChargedMemory plain;
    plain.attach(context_.budget);
    (void)plain.room(hint);
    if (!plain.refused()) route::write_value(plain, event, texts);
    if (plain.refused()) {
        return model::fail(model::Code::ServiceUnavailable, "memory budget exhausted");
    }
    std::size_t const bound = route::envelope_bound(plain.size());
    if (bound == 0) return model::fail(model::Code::NonRetrySink);
    route::write_envelope(group.begin(destination, bound), plain.view());
    return {};
}

model::Result<void> Publisher::judge(model::DeliveryOutcome outcome) const {
    switch (outcome) {
        case model::DeliveryOutcome::Delivered:
            return {};
        case model::DeliveryOutcome::TooLargeAtSend:
            context_.probe.dropped_kafka_size.add();
            return model::fail(model::Code::OversizeEvent, "Event rejected by kafka during send");
        case model::DeliveryOutcome::TooLargeAtAck:
            context_.probe.dropped_kafka_size.add();
            return model::fail(model::Code::OversizeEvent,
                               "Event rejected by kafka broker during ack");
        case model::DeliveryOutcome::Retryable:
            return model::fail(model::Code::RetryableSink);
        case model::DeliveryOutcome::Rejected:
            break;
    }
    return model::fail(model::Code::NonRetrySink);
}

}  // namespace capture::pipeline
