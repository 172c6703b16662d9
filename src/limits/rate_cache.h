// The local half of the rate limiter: the levels of all entities, and what has to be told to or
// asked of Redis. Contract 30 §7.4.
//
// evaluate() is the hot path: any worker, no Redis, one short lock of one of 64 shards. A shard
// also collects the counts to write (summed per entity and epoch where they arise, so a hot key
// costs no queue entry per event) and the entities to read; the background task takes both with
// drain().
//
// Memory: 48 bytes × 1.33 … 2.67 per live entity (64 to 128), up to a third more in tables of huge
// pages, and while a count waits for the next tick about 32 bytes plus its key: 149 bytes per
// entity in all with a million of them, as limits_bench measures. Bounded by `max_entries`,
// `max_writes` and `max_syncs`. When the cache is full, a new entity replaces the lowest of 16
// neighbours and starts with that one's level as pending count: rotating keys forgives nothing, and
// the next read from Redis puts it right.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "limits/key_table.h"
#include "limits/rate_thresholds.h"

namespace capture::limits {

struct RateCacheOptions {
    std::uint64_t window_secs = 60;
    std::uint64_t sync_interval_secs = 15;
    std::uint64_t threshold = 300'000;
    std::uint64_t min_sync_floor = 10;
    std::uint64_t max_entries = 5'000'000;
    std::uint64_t max_writes = 200'000;
    std::uint64_t max_syncs = 200'000;
    std::uint64_t idle_secs =
        300;  ///< the shorter of idle time-out and lifetime: every evaluation renews both
    std::uint64_t max_read_outage_secs = 60;  ///< 0 = no guard
};

/// The time of an evaluation; read once per request.
struct RateMoment {
    std::int64_t unix_seconds = 0;
    std::int64_t steady_ms = 0;
};

enum class RateTier : std::uint8_t { Idle, Low, Normal, Hot, kCount };
const char* to_text(RateTier tier);
RateTier tier_of(double share);

/// Counts of the hot path since the last look.
struct RateStats {
    std::uint64_t allowed = 0, limited = 0;
    std::uint64_t hit = 0, miss = 0, sync_queued = 0;
    std::uint64_t below_floor = 0, outage_skipped = 0;
    std::uint64_t write_full = 0, sync_full = 0;
    std::uint64_t evicted_size = 0, evicted_expired = 0;

    void add(const RateStats& other);
};

class RateCache {
  public:
    explicit RateCache(const RateCacheOptions& options);

    struct Verdict {
        bool limited;
        bool custom;          ///< decided by a custom threshold
        std::uint64_t limit;  ///< that was compared with
    };
    Verdict evaluate(const RateThresholds& thresholds, const RateEntity& entity,
                     std::uint64_t count, const RateMoment& now);

    /// Begins to fetch what evaluate() will need.
    void prefetch(std::uint64_t hash) const { shard(hash).hint.prefetch<Entry>(hash); }

    // What follows is for the background task.

    struct Write {
        std::uint64_t hash;
        std::int64_t epoch;
        std::uint64_t count;
        std::string key;
    };
    struct Sync {
        std::uint64_t hash;
        std::string key;
    };
    /// Moves out what has gathered, and adds the hot path's counts to `stats`.
    void drain(std::vector<Write>& writes, std::vector<Sync>& syncs, RateStats& stats);
    /// Writes and reads that are done (or lost) make room for new ones.
    void written(std::size_t count) { pending_writes_.fetch_sub(count, std::memory_order_relaxed); }
    void synced(std::size_t count) { pending_syncs_.fetch_sub(count, std::memory_order_relaxed); }

    struct Update {
        bool known = false;  ///< the entity is still cached
        double old_level = 0;
        float old_pressure = 0;
        std::int64_t age_ms = -1;  ///< of the estimate that was replaced; -1 = there was none
    };
    /// A read succeeded: stores the estimate.
    Update store(std::uint64_t hash, double estimate, std::uint64_t limit, const RateMoment& now);
    /// A read failed: the entity may be queued again.
    void give_up(std::uint64_t hash);

    /// Since when every read has been failing, in unix seconds; 0 = not failing.
    void set_reads_failing_since(std::int64_t unix_seconds) { failing_since_.store(unix_seconds); }

    struct Scan {
        std::size_t size = 0;
        std::array<std::size_t, static_cast<std::size_t>(RateTier::kCount)> tiers{};
    };
    /// Removes what has expired and classifies the rest, by its exact or the global threshold.
    Scan scan(const RateThresholds& thresholds, const RateMoment& now);
    std::size_t size() const;
    std::size_t memory() const;

    /// The level of an entity now; nothing when it is not cached (explain, tests).
    std::optional<double> level(std::uint64_t hash, std::uint64_t limit,
                                const RateMoment& now) const;

  private:
    static constexpr std::size_t kShards = 64;
    static constexpr std::int64_t kNever = -1;

    struct Entry {
        std::uint64_t key = 0;
        double estimate = 0;
        std::uint64_t pending = 0;
        std::int64_t synced_at = kNever;  ///< ms
        float pressure = 0;
        std::uint32_t touched = 0;     ///< seconds, steady
        std::uint32_t write_slot = 0;  ///< where its count waits in Shard::writes, if it does
        bool queued = false;           ///< a read is due and waits
    };
    struct Text {
        std::uint32_t offset, size;
    };
    struct PendingWrite {
        std::uint64_t key;
        std::int64_t epoch;
        std::uint64_t count;
        Text text;
    };
    struct PendingSync {
        std::uint64_t key;
        Text text;
    };
    struct alignas(64) Shard {
        mutable std::mutex mutex;
        KeyTable<Entry> table;
        SlotHint hint;
        std::vector<PendingWrite> writes;
        std::vector<PendingSync> syncs;
        std::string texts;
        RateStats stats;
    };

    Shard& shard(std::uint64_t key) { return shards_[key >> 58]; }
    const Shard& shard(std::uint64_t key) const { return shards_[key >> 58]; }
    double decayed(const Entry& entry, std::uint64_t limit, const RateMoment& now) const;
    double level(const Entry& entry, std::uint64_t limit, const RateMoment& now) const;
    bool expired(const Entry& entry, const RateMoment& now) const;
    double floor(std::uint64_t limit) const;
    bool due(const Entry& entry, double level, std::uint64_t limit, const RateMoment& now) const;
    Text text_of(Shard& shard, const Entry& entry, const RateEntity& entity) const;
    void record(Shard& shard, Entry& entry, const RateEntity& entity, std::uint64_t count,
                std::int64_t epoch);
    bool queue_sync(Shard& shard, Entry& entry, const RateEntity& entity);
    Entry& add_missing(Shard& shard, Entry* old, std::uint64_t key, std::uint64_t limit,
                       const RateMoment& now);
    bool guard_waives(const Entry& entry, std::uint64_t limit, const RateMoment& now) const;

    const RateCacheOptions options_;
    std::atomic<std::size_t> pending_writes_{0};
    std::atomic<std::size_t> pending_syncs_{0};
    std::atomic<std::int64_t> failing_since_{0};
    std::unique_ptr<std::array<Shard, kShards>> shards_holder_;
    std::array<Shard, kShards>& shards_;
};

}  // namespace capture::limits
