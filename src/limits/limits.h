// The room's door: every limit of contract 30, for one process (Limits) and for one worker
// (WorkerLimits).
//
// Limits owns the Redis clients, the shared facts and the loops that refresh them, all of which run
// on the housekeeping thread's io_context. A worker never waits for Redis, with one exception: the
// known-token look-up, which has a deadline. Everything fails open: without Redis, or before the
// first answer, nothing is limited that does not limit itself from this process's own counts.
//
// A surface calls, in its own order (contract 30 §11; the order below is that of the v0 routes):
//
//   if (co_await limits.token_refused(token)) …401…                        // contract 10 §8.1
//   RequestLimits request = limits.request(token, now);
//   QuotaOutcome quota = request.quota(batch.events);                      // §3.4
//   Admission admission = request.admit(events, arena, data_size);         // §11 steps 7 to 11 in
//   one call
//
// or, one event at a time, dropped_by_token → restrict → ai_budget → rate_limit → overflow.
//
// The room counts everything of contract 30 §15 except capture_events_dropped_total: that one
// belongs to the caller, who gets the reasons back.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/async.h"
#include "base/clock.h"
#include "config/settings.h"
#include "model/drop_reason.h"
#include "model/event.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace capture::limits {

struct Parts;        // parts.h: what Limits owns
struct WorkerParts;  // parts.h: one worker's readers
struct Inside;       // parts.h: the way to them for this room's own tools
class RateLimiter;
struct RateMoment;

/// What the quota step did to a batch.
struct QuotaOutcome {
    /// Nothing is left to do: answer as contract 30 §3.5 says.
    bool billing_limited = false;
    /// Events that were taken out of the batch; what the ledger counts.
    std::uint32_t removed = 0;
    /// What capture_events_dropped_total{cause} goes up by. The global resource also counts the
    /// events that a scoped resource retained (contract 30 §3.4 step 3), so the sum may exceed
    /// `removed`.
    std::array<std::uint32_t, static_cast<std::size_t>(model::DropReason::kCount)> counted{};
};

/// What steps 7 to 11 did to a request's events.
struct Admission {
    /// By DropReason; these events are no longer in the vector.
    std::array<std::uint32_t, static_cast<std::size_t>(model::DropReason::kCount)> dropped{};
    /// Events stamped by the global rate limiter, and up to ten of their distinct_ids (for the
    /// ingestion warning).
    std::uint32_t rate_limited = 0;
    std::uint32_t limited_id_count = 0;  ///< different distinct_ids among them
    std::array<std::string_view, 10> limited_ids{};

    std::uint32_t dropped_total() const {
        std::uint32_t sum = 0;
        for (std::uint32_t const n : dropped)
            sum += n;
        return sum;
    }
};

/// The limits as they stand for one request. Made on the worker, used there, and dead after the
/// coroutine's next await (the facts it points to may be refreshed then).
class RequestLimits {
  public:
    /// §3.4: removes what a billing quota refuses. Events may change their order as the contract
    /// says.
    QuotaOutcome quota(std::vector<model::ParsedEvent>& events);
    /// §3.8: counts admitted events of tokens in a grace period. Call with what quota() left.
    void count_grace_period(const std::vector<model::ParsedEvent>& events);
    /// Whether the whole token is over the mode's global quota (surfaces that answer before they
    /// know events).
    bool over_global_quota() const;

    /// §6. `distinct_id` is the normalised one; empty matches whole-token entries only.
    bool dropped_by_token(std::string_view distinct_id) const;
    /// §9: stamps the event, or returns the reason to drop it. A redirect's topic is copied to
    /// `arena`.
    std::optional<model::DropReason> restrict(model::Event& event, base::Arena& arena);
    /// §8: true when the event is over the token's byte budget and must be dropped. `data_bytes` is
    /// the size of its `data` text. Charges AI events only.
    bool ai_budget(const model::Event& event, std::size_t data_bytes);
    /// §7.6: charges the event; true when it was limited and stamped. False in `import` and
    /// `recordings`.
    bool rate_limit(model::Event& event);
    /// §5: restriction flag, forced keys, token bucket. Stamps and counts.
    void overflow(model::Event& event);
    /// §4: restriction flag, else the session set. Stamps and counts. Replay only.
    void replay_overflow(model::Event& event);

    /// Steps 7 to 11 of §11 over a whole batch, with the warning log of §7.6.
    Admission admit(std::vector<model::Event>& events, base::Arena& arena,
                    std::size_t (*data_size)(const model::EventData&));

  private:
    friend class WorkerLimits;
    RequestLimits(WorkerParts& worker, std::string_view token, base::Instant now);

    std::uint64_t id_hash(const model::Event& event) const;
    bool rate_limit(model::Event& event, std::uint64_t id_hash);
    void overflow(model::Event& event, std::uint64_t id_hash);
    void prefetch(const model::Event& event, std::uint64_t id_hash) const;
    std::chrono::steady_clock::time_point steady();
    void note_limited(Admission& admission, std::string_view distinct_id, std::uint64_t id_hash);
    void log_limited(const Admission& admission, std::size_t events);
    RateMoment moment(const RateLimiter& limiter);

    WorkerParts& worker_;
    std::string_view token_;
    base::Instant now_;
    std::uint64_t token_hash_;
    std::uint32_t quota_mask_;
    bool rules_stale_ = false;
    bool moment_read_ = false;
    std::chrono::steady_clock::time_point steady_{};
    const void* rules_;    ///< the token's restrictions, null when it has none
    const void* dropped_;  ///< the token's entry in the token dropper, null when it has none
};

/// One worker's access. Movable; belongs to one thread.
class WorkerLimits {
  public:
    WorkerLimits(WorkerLimits&&) noexcept;
    WorkerLimits& operator=(WorkerLimits&&) noexcept;
    ~WorkerLimits();

    /// Contract 10 §8.1: whether the request must be refused with UnknownToken. Answers without
    /// suspending when the check is off, the marker is stale or a cache knows the token.
    base::Task<bool> token_refused(std::string_view token);
    /// The same without a coroutine: nothing when only Redis knows (call token_refused() then).
    /// Counts the verdict.
    std::optional<bool> token_refused_now(std::string_view token);

    /// `token` must outlive the result; `now` is the request's time.
    RequestLimits request(std::string_view token, base::Instant now);

  private:
    friend class Limits;
    explicit WorkerLimits(Parts& parts);
    std::unique_ptr<WorkerParts> parts_;
};

class Limits {
  public:
    /// Builds everything and starts nothing. What has no Redis is off (config has said so). The
    /// error names every malformed setting with its variable (a bad Redis URL, a window of 0,
    /// `import` with an AI overflow topic); an unreachable Redis is no error.
    static std::expected<std::unique_ptr<Limits>, std::string> create(
        const config::Settings& settings, telemetry::Registry& registry, telemetry::Logger& logger,
        const base::Clock& clock);
    /// Stop first; workers must be gone.
    ~Limits();

    /// Starts the loops on the housekeeping context. Call once, from any thread; returns at once.
    void start(base::IoContext& housekeeping);
    /// Ends the loops, flushes the rate limiter's counts (one last tick), closes the connections.
    /// Call from another thread than the housekeeping one, while that one still runs its context;
    /// returns after at most `limit`.
    void stop(std::chrono::milliseconds limit = std::chrono::milliseconds(1500));

    WorkerLimits worker();

    /// For tests and `explain`: every refresh once, now. Runs on the housekeeping context.
    base::Task<void> refresh_all();

  private:
    friend struct Inside;
    explicit Limits(std::shared_ptr<Parts> parts);
    std::shared_ptr<Parts> parts_;
};

}  // namespace capture::limits
