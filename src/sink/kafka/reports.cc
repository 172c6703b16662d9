#include "sink/kafka/reports.h"

#include <librdkafka/rdkafka.h>

#include <span>
#include <utility>

#include "sink/kafka/context.h"

namespace capture::sink::kafka {

ReportBatch::~ReportBatch() {
    apply_delivered();
    land();
}

void ReportBatch::expect(const Run& run) {
    // A flight starts with its first run, and of most flights that is the only one.
    __builtin_prefetch(&run);
    __builtin_prefetch(reinterpret_cast<const char*>(&run) + 64);
}

void ReportBatch::add(Run& run, int error) {
    bool const delivered = error == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!delivered || &run != run_) apply_delivered();
    if (!delivered) return apply_failed(run, error);
    run_ = &run;
    ++delivered_;
}

void ReportBatch::apply_delivered() {
    if (delivered_ == 0) return;
    std::uint32_t const records = std::exchange(delivered_, 0);
    ingested_ += records;
    observe(*run_, Ack::Ok, records);
    finish(*run_->flight, records);
}

void ReportBatch::apply_failed(Run& run, int error) {
    Ack ack = Ack::BrokerError;
    auto outcome = model::DeliveryOutcome::Retryable;
    switch (error) {
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
            ack = Ack::TooLarge;
            outcome = model::DeliveryOutcome::TooLargeAtAck;
            break;
        case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
        case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
        case RD_KAFKA_RESP_ERR__DESTROY:
            ack = Ack::Cancelled;
            break;
        default:
            break;
    }
    if (outcome == model::DeliveryOutcome::Retryable) ++errors_;
    context_.log_failure("Failed to produce record", run.topic->name,
                         rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error)));
    observe(run, ack, 1);
    count_results();  // whoever is called back sees counters settled
    run.flight->settle(outcome);
    finish(*run.flight, 1);
}

void ReportBatch::observe(Run& run, Ack ack, std::uint32_t records) const {
    if (run.flight->settled()) ack = Ack::Dropped;
    std::chrono::duration<double, std::milli> const waited = now_ - run.enqueued_at;
    run.topic->ack_millis[static_cast<std::size_t>(ack)].observe(waited.count(), records);
    run.reported += records;
}

void ReportBatch::finish(Flight& flight, std::uint32_t records) {
    if (!flight.done(records)) return;
    done_[done_count_++] = &flight;
    if (done_count_ == done_.size()) land();
}

void ReportBatch::land() {
    count_results();  // whoever is called back sees counters settled
    auto const flights = std::span(done_).first(std::exchange(done_count_, 0));
    for (Flight* const flight : flights)
        flight->land();
    context_.flights.give_back(flights);
}

void ReportBatch::count_results() {
    if (ingested_) context_.probe.ingested.add(static_cast<double>(std::exchange(ingested_, 0)));
    if (errors_) context_.probe.produce_errors.add(static_cast<double>(std::exchange(errors_, 0)));
}

}  // namespace capture::sink::kafka
