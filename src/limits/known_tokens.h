// Whether a token belongs to any project, from a projection that the web application keeps in
// Redis. Contract 10 §8.1.
//
// check() runs on a worker. With a stale marker or a cached verdict it does not suspend; else the
// housekeeping thread asks Redis and the worker waits, at most the look-up timeout. Everything
// uncertain is Unverified, which is accepted.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/async.h"
#include "base/clock.h"
#include "config/settings.h"
#include "limits/expiring_set.h"
#include "limits/probe.h"
#include "limits/redis/store.h"
#include "limits/snapshot_age.h"

namespace capture::limits {

enum class TokenVerdict : std::uint8_t { Known, Unknown, Unverified };
const char* to_text(TokenVerdict verdict);

/// Outlives all workers and, through shared_from_this, its own look-ups.
class KnownTokens : public std::enable_shared_from_this<KnownTokens> {
  public:
    static constexpr std::string_view kMarkerKey = "capture_known_tokens_swept_at";
    static constexpr std::string_view kTokenPrefix = "capture_known_token:";

    KnownTokens(const config::KnownTokensSettings& settings, const Probe& probe,
                const base::Clock& clock);

    /// From here on look-ups are made, on `housekeeping`. Before, and without a store, every
    /// verdict is Unverified.
    void attach(base::IoContext& housekeeping, std::shared_ptr<redis::Store> store);
    /// No look-up starts any more. Any thread.
    void detach() { attached_.store(false); }

    /// The verdict as far as it is known without Redis. Any thread.
    std::optional<TokenVerdict> cached(std::string_view token) const;
    /// On a worker. Does not count.
    base::Task<TokenVerdict> check(std::string_view token);
    /// capture_known_tokens_verdict.
    void count(TokenVerdict verdict) const;
    /// Whether a request with this verdict must be refused.
    bool refuses(TokenVerdict verdict) const;
    bool enabled() const { return settings_.mode != config::TokenValidation::Off; }

    /// Housekeeping: reads the marker.
    base::Task<void> refresh_marker();
    /// Housekeeping: sets the age metric of the marker.
    void report_age() const {
        if (age_) age_->report();
    }
    /// Housekeeping: asks Redis.
    base::Task<TokenVerdict> look_up(std::string token);
    bool marker_fresh() const { return fresh_.load(std::memory_order_acquire); }

  private:
    const config::KnownTokensSettings settings_;
    const base::Clock& clock_;
    base::IoContext* housekeeping_ = nullptr;
    std::shared_ptr<redis::Store> store_;
    std::atomic<bool> attached_{false};
    std::atomic<bool> fresh_{false};
    ExpiringSet known_;
    ExpiringSet unknown_;
    std::array<telemetry::Counter, 3> verdicts_;
    telemetry::Counter marker_fresh_;
    telemetry::Counter marker_stale_;
    std::optional<SnapshotAge> age_;  ///< set when the check is on
};

}  // namespace capture::limits
