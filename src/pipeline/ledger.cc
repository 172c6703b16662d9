#include "pipeline/ledger.h"

#include <algorithm>

namespace capture::pipeline {

Ledger::Ledger(telemetry::Registry& registry, telemetry::Logger& log)
    : log_(log),
      received_counter_(registry.counter(kLedgerReceived)),
      in_flight_gauge_(registry.gauge(kLedgerInFlight)),
      unbalanced_(registry.counter(kLedgerUnbalanced)) {
    auto const ended = registry.counters(kLedgerEnded);
    delivered_ = ended.with({"delivered", ""});
    for (std::size_t i = 0; i < dropped_.size(); ++i) {
        dropped_[i] = ended.with({"dropped", model::kDropCauses[i]});
    }
    for (std::size_t i = 0; i < refused_.size(); ++i) {
        refused_[i] = ended.with({"refused", model::error_table()[i].tag});
    }
}

void Ledger::defect(std::uint64_t events) {
    unbalanced_.add(static_cast<double>(events));
    log_.error("capture::ledger", "Events ended without a record of how", {{"events", events}});
}

void Ledger::end(std::uint64_t& open, std::uint64_t events, const telemetry::Counter& counter) {
    if (events > open) defect(events - open);
    events = std::min(events, open);
    if (events == 0) return;
    open -= events;
    ended_ += events;
    in_flight_ -= events;
    counter.add(static_cast<double>(events));
    in_flight_gauge_.add(-static_cast<double>(events));
}

Ledger::Entry::Entry(Ledger& ledger, std::uint64_t events) : ledger_(ledger), open_(0) {
    add(events);
}

Ledger::Entry::~Entry() {
    if (open_ == 0) return;
    ledger_.defect(open_);
    refuse_rest(model::Code::InternalError);
}

void Ledger::Entry::add(std::uint64_t events) {
    open_ += events;
    ledger_.received_ += events;
    ledger_.in_flight_ += events;
    ledger_.received_counter_.add(static_cast<double>(events));
    ledger_.in_flight_gauge_.add(static_cast<double>(events));
}

void Ledger::Entry::drop(model::DropReason reason, std::uint64_t events) {
    ledger_.end(open_, events, ledger_.dropped_[static_cast<std::size_t>(reason)]);
}

void Ledger::Entry::refuse_rest(model::Code code) {
    ledger_.end(open_, open_, ledger_.refused_[static_cast<std::size_t>(code)]);
}

void Ledger::Entry::deliver_rest() {
    ledger_.end(open_, open_, ledger_.delivered_);
}

}  // namespace capture::pipeline
