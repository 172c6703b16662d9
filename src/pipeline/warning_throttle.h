// One ingestion warning per token and type an hour. Contract 20 §14. Any thread; warnings are rare,
// so one lock.
//
// At most `max_keys` pairs are remembered (about 32 bytes each); beyond that new pairs are not
// warned about until sweep() has forgotten old ones.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "base/clock.h"
#include "limits/text_hash.h"

namespace capture::pipeline {

class WarningThrottle {
  public:
    static constexpr std::chrono::hours kInterval{1};

    /// The outcome label of ingestion_warnings_total for the two refusals.
    enum class Verdict : std::uint8_t { Emit, Throttled, CardinalityCapped };

    WarningThrottle(const base::Clock& clock, std::size_t max_keys)
        : clock_(clock), max_keys_(max_keys) {}

    /// Emit at most once per interval and pair.
    Verdict check(std::string_view token, std::string_view type);
    /// Every 60 s: forgets pairs that may warn again.
    void sweep();
    /// ingestion_warnings_throttle_keys.
    std::size_t size() const;

  private:
    using Time = std::chrono::steady_clock::time_point;

    const base::Clock& clock_;
    const std::size_t max_keys_;
    const limits::HashKey key_ = limits::HashKey::random();
    mutable std::mutex mutex_;
    absl::flat_hash_map<std::uint64_t, Time> next_;  ///< when a pair may warn again
};

}  // namespace capture::pipeline
