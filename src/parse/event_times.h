// When events happened: the time of one is made of what its client says (timestamp, offset,
// sent_at) and of the server's clock. A bad one never refuses an event. Contract 10 §10.3.
#pragma once

#include <array>

#include "base/time.h"
#include "model/event.h"
#include "parse/probe.h"

namespace capture::parse {

/// Of one request's events. Counts what the times came from; the sums are told at the end.
class EventTimes {
  public:
    EventTimes(const Probe& probe, const model::RequestFacts& facts)
        : probe_(probe), facts_(facts) {}
    ~EventTimes();
    EventTimes(const EventTimes&) = delete;
    EventTimes& operator=(const EventTimes&) = delete;

    base::Instant of(const model::ParsedEvent& event, bool ignore_sent_at);

  private:
    const Probe& probe_;
    const model::RequestFacts& facts_;
    std::array<int, kTimestampPathCount> paths_{};
};

}  // namespace capture::parse
