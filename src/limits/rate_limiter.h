// A fleet-wide limit per entity over a sliding window, kept in Redis and enforced from local
// estimates. Contract 30 §7.
//
// The engine of the global rate limiter (events per token and distinct_id) and of the AI byte
// budget (bytes per token). evaluate() is the hot path of RateCache plus the dry run. tick() is the
// background task: it writes the counts since the last tick, then reads the entities that are due.
// Counts are merged where they arise, so the contract's update channel has no queue of its own and
// `channel_full` never happens; its bound is `max_write_batch_entries`.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "config/settings.h"
#include "limits/probe.h"
#include "limits/rate_cache.h"
#include "limits/rate_thresholds.h"
#include "limits/redis/store.h"
#include "limits/snapshot.h"
#include "telemetry/log.h"
#include "telemetry/rate_limited.h"

namespace capture::limits {

struct RateLimiterOptions {
    std::string scope;         ///< label of all its metrics
    std::string redis_prefix;  ///< `{prefix}:{entity}:{epoch}`
    RateCacheOptions cache;
    bool dry_run = false;
    std::size_t max_sync_keys_per_tick = 20'000;
    std::size_t max_keys_per_command = 2'000;
    std::size_t max_concurrent_commands = 4;
    std::chrono::milliseconds read_timeout{250};
    std::chrono::milliseconds write_timeout{250};
};

/// The limiter of contract 30 §7.1 for a mode. Logs the clamps.
RateLimiterOptions event_rate_options(const config::RateLimitSettings& settings, config::Mode mode,
                                      telemetry::Logger& logger);

class RateLimiter {
  public:
    RateLimiter(RateLimiterOptions options, const ThresholdList& overrides, const HashKey& hash_key,
                const Probe& probe, telemetry::Logger& logger, const base::Clock& clock);
    ~RateLimiter();
    RateLimiter(const RateLimiter&) = delete;
    RateLimiter& operator=(const RateLimiter&) = delete;

    /// Any worker, with its own reader of thresholds(). True when the limit holds (never in a dry
    /// run).
    bool evaluate(const RateThresholds& thresholds, const RateEntity& entity, std::uint64_t count,
                  const RateMoment& now);
    RateMoment moment() const;
    RateMoment moment(base::Instant wall, std::chrono::steady_clock::time_point steady) const;

    const Snapshot<RateThresholds>& thresholds() const { return thresholds_; }
    Snapshot<RateThresholds>& thresholds() { return thresholds_; }
    const RateLimiterOptions& options() const { return options_; }
    const HashKey& hash_key() const { return hash_key_; }
    RateCache& cache() { return cache_; }

    /// Housekeeping: one tick of contract 30 §7.5.
    base::Task<void> tick(redis::Store& store);

    /// Reads the fleet's level of one entity (explain). Nothing when Redis does not answer.
    base::Task<redis::Result<double>> read_level(redis::Store& store, std::string key);

  private:
    struct Metrics;
    using Writes = std::vector<RateCache::Write>;
    using Syncs = std::vector<RateCache::Sync>;

    std::string redis_key(const std::string& key, std::int64_t epoch) const;
    double estimate(const redis::Reply& current, const redis::Reply& previous,
                    std::int64_t unix_seconds) const;
    std::uint64_t limit_of(const RateThresholds& thresholds, std::string_view key) const;
    void take_in();
    std::size_t purge_stale(std::int64_t epoch);
    void scan();
    void flush(const RateStats& stats);
    base::Task<void> write_all(redis::Store& store, std::shared_ptr<const Writes> writes);
    base::Task<void> read_all(redis::Store& store, std::shared_ptr<const Syncs> syncs);
    base::Task<bool> write_chunk(redis::Store& store, std::shared_ptr<const Writes> writes,
                                 std::size_t begin, std::size_t end);
    base::Task<bool> read_chunk(redis::Store& store, std::shared_ptr<const Syncs> syncs,
                                std::size_t begin, std::size_t end);
    void note_reads(std::size_t succeeded, std::size_t failed);
    void settle(const RateCache::Sync& sync, double estimate, const RateThresholds& thresholds,
                const RateMoment& now);

    const RateLimiterOptions options_;
    const HashKey hash_key_;
    telemetry::Logger& logger_;
    const base::Clock& clock_;
    const std::chrono::steady_clock::time_point start_;
    RateCache cache_;
    Snapshot<RateThresholds> thresholds_;
    std::unique_ptr<Metrics> metrics_;
    telemetry::RateLimited dry_run_lines_{10, std::chrono::seconds(1)};

    // Housekeeping thread only.
    std::deque<RateCache::Write> write_backlog_;
    std::deque<RateCache::Sync> sync_backlog_;
    std::uint64_t ticks_ = 0;
    std::int64_t failing_since_ = 0;
    std::size_t reads_succeeded_ = 0;
    std::size_t reads_failed_ = 0;
};

}  // namespace capture::limits
