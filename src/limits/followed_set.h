// One Redis sorted set of members with an end time, read again and again. Contract 30 §3.1, §3.2.
// Housekeeping thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "limits/probe.h"
#include "limits/redis/store.h"
#include "limits/snapshot_age.h"
#include "telemetry/log.h"

namespace capture::limits {

/// How often quota and replay overflow sets are read.
inline constexpr std::chrono::seconds kSetRefreshInterval{5};

class FollowedSet {
  public:
    /// `changed` gets the members, sorted, after the first good read and whenever they differ from
    /// the last ones.
    using Changed = std::function<void(const std::vector<std::string>&)>;

    FollowedSet(std::string key, const Probe& probe, telemetry::Logger& logger,
                const base::Clock& clock, Changed changed);

    /// Reads the set; a failure is logged and keeps what was.
    base::Task<void> refresh(redis::Store& store);
    /// Sets the age metric.
    void report_age() const { age_.report(); }

    const std::string& key() const { return key_; }

  private:
    std::string key_;
    telemetry::Logger& logger_;
    const base::Clock& clock_;
    Changed changed_;
    telemetry::Gauge loaded_;
    SnapshotAge age_;
    bool failing_ = false;
    std::optional<std::vector<std::string>> members_;
};

}  // namespace capture::limits
