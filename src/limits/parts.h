// What Limits and WorkerLimits are made of. Internal to this room (limits.cc, request_limits.cc,
// explain.cc).
#pragma once

#include <absl/container/flat_hash_set.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>

#include "limits/ai_byte_budget.h"
#include "limits/clients.h"
#include "limits/housekeeping.h"
#include "limits/known_tokens.h"
#include "limits/limits.h"
#include "limits/overflow.h"
#include "limits/probe.h"
#include "limits/quota.h"
#include "limits/rate_limiter.h"
#include "limits/replay_overflow.h"
#include "limits/restrictions.h"
#include "limits/token_dropper.h"
#include "telemetry/rate_limited.h"

namespace capture::limits {

/// Stores of the roles; null = off. Housekeeping thread.
struct Stores {
    std::shared_ptr<redis::Store> primary;
    std::shared_ptr<redis::Store> restrictions;
    std::shared_ptr<redis::Store> known_tokens;
    std::shared_ptr<redis::Store> rate_limit;
    std::shared_ptr<redis::Store> ai_bytes;
};

struct Parts {
    Parts(const config::Settings& s, telemetry::Registry& registry, telemetry::Logger& l,
          const base::Clock& c);

    const config::Settings settings;
    telemetry::Logger& logger;
    const base::Clock& clock;
    const Probe probe;
    const HashKey hash_key = HashKey::random();

    TokenDropper dropper;
    QuotaLimiter quota;
    QuotaSets quota_sets;
    ReplayOverflow replay;
    RestrictionRefresher restrictions;
    std::shared_ptr<KnownTokens> known_tokens;
    OverflowLimiter overflow;
    std::unique_ptr<RateLimiter> rate;      ///< null = not built
    std::unique_ptr<RateLimiter> ai_bytes;  ///< null = not built
    std::unique_ptr<ThresholdRefresher> thresholds;
    Snapshot<RateThresholds> no_thresholds;  ///< stands in for a limiter that is not built

    /// Whether v0 events are charged to the rate limiter (contract 30 §7.6).
    bool rate_applies = false;
    std::array<telemetry::Counter, kRestrictionTypes * kRestrictionPipelines> applied;
    std::array<telemetry::Gauge, kRestrictionPipelines> stale;
    telemetry::Counter rate_limited;
    telemetry::Counter rerouted_by_restriction;
    telemetry::RateLimited rate_limited_lines{10, std::chrono::seconds(1)};

    // Housekeeping thread, from start() on.
    std::unique_ptr<RedisClients> clients;
    std::unique_ptr<Housekeeping> loops;
    Stores stores;
    base::IoContext* context = nullptr;
    std::atomic<bool> started{false};
};

/// What explain and the benchmarks need and nobody else may have.
struct Inside {
    static Parts& parts(Limits& limits) { return *limits.parts_; }
};

/// Makes the connections that the settings ask for. Housekeeping thread; `clients` exists.
void open_stores(Parts& parts);

/// Who is charged: a token and distinct_id, or the token alone when `distinct_id` is null. Views of
/// the arguments; `token_hash` is the hash of what stands before the token's first `:`,
/// `id_hash`, when it is known, that of the pair with the whole distinct_id.
RateEntity rate_entity(std::string& scratch, std::string_view token, std::uint64_t token_hash,
                       const std::string_view* distinct_id, const HashKey& key,
                       const std::uint64_t* id_hash = nullptr);

struct WorkerParts {
    explicit WorkerParts(Parts& p);

    Parts& parts;
    SnapshotReader<QuotaTable> quota;
    SnapshotReader<RestrictionState> restrictions;
    SnapshotReader<SessionSet> sessions;
    SnapshotReader<RateThresholds> rate_thresholds;
    SnapshotReader<RateThresholds> ai_thresholds;
    std::string scratch;
    absl::flat_hash_set<std::uint64_t>
        limited_ids;  ///< hashes of one request's, while it is admitted
};

}  // namespace capture::limits
