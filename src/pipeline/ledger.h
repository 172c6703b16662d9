// The ledger: every event that enters ends exactly once, as delivered, spooled, dropped(reason) or
// refused(reason).
//
//   in = delivered + spooled + dropped + refused + in flight
//
// An Entry stands for one request's events. Ending more events than are open, or destroying an
// entry with open events, is a defect of ours: it is counted (capture_ledger_unbalanced_total),
// logged, and the rest is booked as refused, so that the sum closes all the same. One Ledger per
// worker, touched by that worker only; the sums are metrics.
#pragma once

#include <array>
#include <cstdint>

#include "model/drop_reason.h"
#include "model/error.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace capture::pipeline {

inline constexpr telemetry::MetricSpec kLedgerReceived{"capture_ledger_received_total",
                                                       telemetry::MetricType::Counter,
                                                       "Events that entered the pipeline"};
inline constexpr telemetry::MetricSpec kLedgerEnded{"capture_ledger_events_total",
                                                    telemetry::MetricType::Counter,
                                                    "Events by how they ended and why",
                                                    {"end", "reason"}};
inline constexpr telemetry::MetricSpec kLedgerInFlight{
    "capture_ledger_in_flight", telemetry::MetricType::Gauge,
    "Events that entered and have not ended yet"};
inline constexpr telemetry::MetricSpec kLedgerUnbalanced{
    "capture_ledger_unbalanced_total", telemetry::MetricType::Counter,
    "Events whose end was not recorded exactly once; anything but 0 is a defect"};

class Ledger {
  public:
    Ledger(telemetry::Registry& registry, telemetry::Logger& log);
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    class Entry {
      public:
        Entry(Ledger& ledger, std::uint64_t events);
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        ~Entry();

        /// More events came of those that entered (the heatmap split).
        void add(std::uint64_t events);
        void drop(model::DropReason reason, std::uint64_t events);
        void drop_rest(model::DropReason reason) { drop(reason, open_); }
        void refuse_rest(model::Code code);
        void deliver_rest();
        std::uint64_t open() const { return open_; }

      private:
        Ledger& ledger_;
        std::uint64_t open_;
    };

    std::uint64_t in_flight() const { return in_flight_; }
    /// Whether the sum closes now.
    bool balanced() const { return received_ == ended_ + in_flight_; }

  private:
    void end(std::uint64_t& open, std::uint64_t events, const telemetry::Counter& counter);
    void defect(std::uint64_t events);

    telemetry::Logger& log_;
    std::uint64_t received_ = 0;
    std::uint64_t ended_ = 0;
    std::uint64_t in_flight_ = 0;
    telemetry::Counter received_counter_;
    telemetry::Counter delivered_;
    std::array<telemetry::Counter, static_cast<std::size_t>(model::DropReason::kCount)> dropped_;
    std::array<telemetry::Counter, static_cast<std::size_t>(model::Code::kCount)> refused_;
    telemetry::Gauge in_flight_gauge_;
    telemetry::Counter unbalanced_;
};

}  // namespace capture::pipeline
