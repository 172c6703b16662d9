// Sessions whose recordings go to the overflow lane, from a Redis set of session ids. Contract 30
// §4. Only in `recordings`.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <memory>
#include <string>
#include <string_view>

#include "limits/followed_set.h"
#include "limits/snapshot.h"
#include "limits/text_hash.h"

namespace capture::limits {

using SessionSet = absl::flat_hash_set<std::string, TextHash, TextEqual>;

/// Housekeeping thread, but for sessions().
class ReplayOverflow {
  public:
    ReplayOverflow(std::string_view key_prefix, const Probe& probe, telemetry::Logger& logger,
                   const base::Clock& clock)
        : set_(std::string(key_prefix) + "@posthog/capture-overflow/replay", probe, logger, clock,
               [this](const std::vector<std::string>& members) {
                   sessions_.publish(
                       std::make_shared<const SessionSet>(members.begin(), members.end()));
               }) {}
    ReplayOverflow(const ReplayOverflow&) = delete;
    ReplayOverflow& operator=(const ReplayOverflow&) = delete;

    FollowedSet& set() { return set_; }
    const Snapshot<SessionSet>& sessions() const { return sessions_; }

  private:
    Snapshot<SessionSet> sessions_;
    FollowedSet set_;
};

}  // namespace capture::limits
