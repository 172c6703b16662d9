// How old facts are that were read from Redis, as a metric. Housekeeping thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "limits/probe.h"

namespace capture::limits {

class SnapshotAge {
  public:
    SnapshotAge(std::string_view name, const Probe& probe, const base::Clock& clock)
        : clock_(clock),
          age_(probe.snapshot_age.with({name})),
          failures_(probe.refresh_failures.with({name})) {
        age_.set(-1);
    }
    void refreshed() {
        at_ = clock_.steady();
        age_.set(0);
    }
    void failed() { failures_.add(); }
    void report() const {
        if (at_) age_.set(std::chrono::duration<double>(clock_.steady() - *at_).count());
    }

  private:
    const base::Clock& clock_;
    telemetry::Gauge age_;
    telemetry::Counter failures_;
    std::optional<std::chrono::steady_clock::time_point> at_;
};

}  // namespace capture::limits
