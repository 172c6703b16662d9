// Partition overflow: hot keys leave the main lanes. Contract 30 §5, §10; decisions of the forced
// list, the token bucket (GCRA) and the restriction flag, stamped on the event.
//
// State is one per process. Any worker may call apply(); a check takes one short lock of one of 64
// shards. A key costs 16 bytes × 1.33 … 2.67 (34 measured with a million). At most kMaxKeys keys
// are tracked per lane; beyond that a new key takes the place of the fullest-recovered neighbour
// and starts at that one's level, so that rotating keys empties nobody's bucket.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "config/settings.h"
#include "limits/key_table.h"
#include "limits/probe.h"
#include "limits/text_hash.h"
#include "model/event.h"

namespace capture::limits {

/// A token bucket per key. Any thread.
class KeyBuckets {
  public:
    static constexpr std::size_t kMaxKeys = 1u << 21;

    KeyBuckets(std::uint32_t per_second, std::uint32_t burst, const base::Clock& clock,
               std::size_t max_keys = kMaxKeys);

    /// Takes one cell; false when there is none. `now` is the clock's steady time.
    bool take(std::uint64_t key_hash, std::chrono::steady_clock::time_point now);
    /// Begins to fetch what take() will need.
    void prefetch(std::uint64_t key_hash) const {
        shards_[key_hash >> 58].hint.prefetch<Entry>(key_hash);
    }
    /// Forgets keys whose bucket is full again.
    void purge();
    std::size_t size() const;
    std::size_t memory() const;  ///< bytes

  private:
    static constexpr std::size_t kShards = 64;
    struct Entry {
        std::uint64_t key = 0;
        std::int64_t full_at =
            0;  ///< ns since start when the bucket is full again (GCRA's theoretical arrival time)
    };
    struct alignas(64) Shard {
        mutable std::mutex mutex;
        KeyTable<Entry> table;
        SlotHint hint;
    };
    std::int64_t since_start(std::chrono::steady_clock::time_point now) const;

    const base::Clock& clock_;
    const std::chrono::steady_clock::time_point start_;
    const std::int64_t interval_;  ///< ns per cell
    const std::int64_t capacity_;  ///< ns of a whole bucket
    std::array<Shard, kShards> shards_;
};

class OverflowLimiter {
  public:
    struct Lanes {
        bool ai = false;              ///< an AI overflow topic is configured
        bool error_tracking = false;  ///< an error-tracking overflow topic is configured
    };

    OverflowLimiter(const config::OverflowSettings& settings, Lanes lanes, const HashKey& key,
                    const Probe& probe, const base::Clock& clock);

    /// Stamps and counts. `id_hash` is hash_pair(hash_text(token, key), distinct_id, key), `now`
    /// the steady time, `scratch` the worker's.
    void apply(model::Event& event, std::string_view token, std::uint64_t token_hash,
               std::uint64_t id_hash, std::chrono::steady_clock::time_point now,
               std::string& scratch) const;
    /// Begins to fetch what apply() will need.
    void prefetch(model::EventKind kind, std::uint64_t id_hash) const {
        if (KeyBuckets const* const lane = buckets(kind)) lane->prefetch(id_hash);
    }

    /// Whether events of this kind that are not forced take from a token bucket.
    bool has_bucket(model::EventKind kind) const { return buckets(kind) != nullptr; }

    /// Every 10 s: partition_limits_key_count.
    void report() const;
    /// Every 60 to 69 s.
    void purge() const;

  private:
    bool serves(model::EventKind kind) const;
    bool forced(std::string_view token, std::string_view rest, std::string& scratch) const;
    KeyBuckets* buckets(model::EventKind kind) const;

    Lanes lanes_;
    bool enabled_;
    HashKey key_;
    absl::flat_hash_set<std::string, TextHash, TextEqual> forced_;
    std::unique_ptr<KeyBuckets> analytics_;
    std::unique_ptr<KeyBuckets> ai_;
    telemetry::Counter restricted_;
    telemetry::Counter force_limited_;
    telemetry::Counter rate_limited_;
    telemetry::Counter capacity_exceeded_;
    telemetry::Gauge analytics_keys_;
    telemetry::Gauge ai_keys_;
};

}  // namespace capture::limits
