#include "limits/rate_limiter.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "limits/gather.h"

namespace capture::limits {
namespace {

constexpr std::string_view kTarget = "capture::limits::rate";
constexpr std::uint64_t kTicksPerScan = 30;
constexpr const char* kRedis = "0";  ///< `redis_idx`: there is one
constexpr std::size_t kTiers = static_cast<std::size_t>(RateTier::kCount);

std::size_t chunks(std::size_t items, std::size_t per_chunk) {
    return (items + per_chunk - 1) / per_chunk;
}

double number(const redis::Reply& reply) {
    std::int64_t value = 0;
    const char* const end = reply.text.data() + reply.text.size();
    auto const [stop, error] = std::from_chars(reply.text.data(), end, value);
    return error == std::errc() && stop == end && value > 0 ? static_cast<double>(value) : 0.0;
}

template <typename T>
std::shared_ptr<const std::vector<T>> take_front(std::deque<T>& from, std::size_t most) {
    auto taken = std::make_shared<std::vector<T>>();
    std::size_t const count = std::min(most, from.size());
    taken->reserve(count);
    std::move(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count),
              std::back_inserter(*taken));
    from.erase(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count));
    return taken;
}

}  // namespace

struct RateLimiter::Metrics {
    Metrics(const Probe& p, std::string_view scope) : probe(p), scope_(scope) {
        auto& r = probe.registry;
        auto const counter = [&](const telemetry::MetricSpec& spec, std::string_view label) {
            return r.counters(spec).with({scope, label});
        };
        allowed = counter(metrics::kEvals, "allowed");
        limited = counter(metrics::kEvals, "limited");
        hit = counter(metrics::kCacheCounts, "hit");
        miss = counter(metrics::kCacheCounts, "miss");
        sync_queued = counter(metrics::kCacheCounts, "sync_queued");
        below_floor = counter(metrics::kSyncSkipped, "below_floor");
        evicted_size = counter(metrics::kEvictions, "size");
        evicted_expired = counter(metrics::kEvictions, "expired");
        outage_skipped = r.counters(metrics::kOutageSkipped).with({scope});
        records_read = r.counters(metrics::kRecords).with({scope, "redis_read", kRedis});
        records_written = r.counters(metrics::kRecords).with({scope, "redis_write", kRedis});
        pipeline_ms = r.histograms(metrics::kPipelineMs).with({scope, kRedis});
        tick_ms = r.histograms(metrics::kTickMs).with({scope});
        size_read = r.histograms(metrics::kPipelineSizes).with({scope, "read"});
        size_write = r.histograms(metrics::kPipelineSizes).with({scope, "write"});
        commands_read = r.histograms(metrics::kCommandsPerTick).with({scope, "read"});
        commands_write = r.histograms(metrics::kCommandsPerTick).with({scope, "write"});
        drift = r.histograms(metrics::kEstimateDrift).with({scope});
        staleness = r.histograms(metrics::kSyncStaleness).with({scope});
        auto const gauge = [&](const telemetry::MetricSpec& spec) {
            return r.gauges(spec).with({scope});
        };
        pending_sync = gauge(metrics::kPendingSync);
        sync_deferred = gauge(metrics::kSyncDeferred);
        write_deferred = gauge(metrics::kWriteDeferred);
        cache_size = gauge(metrics::kCacheSize);
        window = gauge(metrics::kWindowSeconds);
        read_failing = r.gauges(metrics::kReadFailing).with({scope, kRedis});
        for (std::size_t t = 0; t < kTiers; ++t) {
            tiers[t] =
                r.gauges(metrics::kSyncTier).with({scope, to_text(static_cast<RateTier>(t))});
        }
        errors = r.counters(metrics::kEngineErrors);
        transitions = r.counters(metrics::kTierTransitions);
        custom = probe.dry_run.with({"custom"});
        global = probe.dry_run.with({"global"});
    }
    void error(std::string_view step, std::string_view cause, std::string_view redis,
               std::uint64_t n = 1) {
        if (n > 0) errors.with({scope_, step, cause, redis}).add(static_cast<double>(n));
    }
    void transition(RateTier from, RateTier to) {
        if (from != to) transitions.with({scope_, to_text(from), to_text(to)}).add();
    }

    const Probe& probe;
    std::string scope_;
    telemetry::Counter allowed, limited, hit, miss, sync_queued, below_floor, evicted_size,
        evicted_expired;
    telemetry::Counter outage_skipped, records_read, records_written, custom, global;
    telemetry::Histogram pipeline_ms, tick_ms, size_read, size_write, commands_read, commands_write,
        drift, staleness;
    telemetry::Gauge pending_sync, sync_deferred, write_deferred, cache_size, window, read_failing;
    std::array<telemetry::Gauge, kTiers> tiers;
    telemetry::CounterFamily errors, transitions;
};

RateLimiterOptions event_rate_options(const config::RateLimitSettings& s, config::Mode mode,
                                      telemetry::Logger& logger) {
    auto const at_least_window = [&](const char* variable, std::uint64_t seconds) {
        if (seconds >= s.window_secs) return seconds;
        logger.warn(kTarget, "A cache time is shorter than the window and is raised to it",
                    {{"variable", variable}});
        return s.window_secs;
    };
    RateLimiterOptions o;
    o.scope = std::string(config::to_text(mode)) + "_tok_distid";
    o.redis_prefix = std::string("@ph/grl/capture/tok_distid/") + config::to_text(mode);
    o.dry_run = s.dry_run;
    o.cache.window_secs = std::max<std::uint64_t>(s.window_secs, 1);
    o.cache.sync_interval_secs = s.sync_interval_secs;
    o.cache.threshold = s.threshold;
    o.cache.min_sync_floor = s.min_sync_floor;
    o.cache.max_entries = s.cache_max_entries;
    o.cache.max_writes = s.max_write_batch_entries;
    o.cache.max_syncs = s.max_pending_sync_entries;
    o.cache.idle_secs = std::min(
        at_least_window("GLOBAL_RATE_LIMIT_LOCAL_CACHE_TTL_SECS", s.cache_ttl_secs),
        at_least_window("GLOBAL_RATE_LIMIT_LOCAL_CACHE_IDLE_TIMEOUT_SECS", s.cache_idle_secs));
    o.cache.max_read_outage_secs = s.max_read_outage_secs;
    o.max_sync_keys_per_tick = std::max<std::size_t>(s.max_sync_keys_per_tick, 1);
    o.max_keys_per_command = std::max<std::size_t>(s.max_keys_per_command, 2);
    o.max_concurrent_commands = std::max<std::size_t>(s.max_concurrent_commands, 1);
    o.read_timeout = std::chrono::milliseconds(s.read_timeout_ms);
    o.write_timeout = std::chrono::milliseconds(s.write_timeout_ms);
    return o;
}

RateLimiter::RateLimiter(RateLimiterOptions options, const ThresholdList& overrides,
                         const HashKey& hash_key, const Probe& probe, telemetry::Logger& logger,
                         const base::Clock& clock)
    : options_(std::move(options)),
      hash_key_(hash_key),
      logger_(logger),
      clock_(clock),
      start_(clock.steady()),
      cache_(options_.cache),
      metrics_(std::make_unique<Metrics>(probe, options_.scope)) {
    thresholds_.publish(std::make_shared<const RateThresholds>(overrides, hash_key));
    metrics_->window.set(static_cast<double>(options_.cache.window_secs));
}

RateLimiter::~RateLimiter() = default;

RateMoment RateLimiter::moment(base::Instant wall,
                               std::chrono::steady_clock::time_point steady) const {
    auto const since = std::chrono::duration_cast<std::chrono::milliseconds>(steady - start_);
    return {wall.seconds, since.count()};
}

RateMoment RateLimiter::moment() const {
    return moment(clock_.now(), clock_.steady());
}

bool RateLimiter::evaluate(const RateThresholds& thresholds, const RateEntity& entity,
                           std::uint64_t count, const RateMoment& now) {
    RateCache::Verdict const verdict = cache_.evaluate(thresholds, entity, count, now);
    if (!verdict.limited) return false;
    if (!options_.dry_run) return true;
    (verdict.custom ? metrics_->custom : metrics_->global).add();
    if (auto const pass = dry_run_lines_.pass(clock_.steady())) {
        logger_.warn(kTarget, "A rate limit would hold, were this not a dry run",
                     {{"scope", options_.scope},
                      {"token", entity.token},
                      {"distinct_id", entity.rest},
                      {"threshold", verdict.limit},
                      {"suppressed", pass->suppressed}});
    }
    return false;
}

std::string RateLimiter::redis_key(const std::string& key, std::int64_t epoch) const {
    std::string text;
    text.reserve(options_.redis_prefix.size() + key.size() + 24);
    text.append(options_.redis_prefix)
        .append(":")
        .append(key)
        .append(":")
        .append(std::to_string(epoch));
    return text;
}

std::uint64_t RateLimiter::limit_of(const RateThresholds& thresholds, std::string_view key) const {
    std::uint64_t const token = hash_text(key.substr(0, key.find(':')), hash_key_);
    return thresholds.resolve(entity_hash(key, hash_key_), token, options_.cache.threshold).limit;
}

void RateLimiter::flush(const RateStats& stats) {
    auto const add = [](const telemetry::Counter& counter, std::uint64_t n) {
        if (n > 0) counter.add(static_cast<double>(n));
    };
    add(metrics_->allowed, stats.allowed);
    add(metrics_->limited, stats.limited);
    add(metrics_->hit, stats.hit);
    add(metrics_->miss, stats.miss);
    add(metrics_->sync_queued, stats.sync_queued);
    add(metrics_->below_floor, stats.below_floor);
    add(metrics_->outage_skipped, stats.outage_skipped);
    add(metrics_->evicted_size, stats.evicted_size);
    add(metrics_->evicted_expired, stats.evicted_expired);
    metrics_->error("enqueue_update", "write_batch_full", "", stats.write_full);
    metrics_->error("queue_sync", "pending_sync_full", "", stats.sync_full);
}

void RateLimiter::take_in() {
    std::vector<RateCache::Write> writes;
    std::vector<RateCache::Sync> syncs;
    RateStats stats;
    cache_.drain(writes, syncs, stats);
    flush(stats);
    std::move(syncs.begin(), syncs.end(), std::back_inserter(sync_backlog_));
    if (write_backlog_.empty()) {
        std::move(writes.begin(), writes.end(), std::back_inserter(write_backlog_));
        return;
    }
    // Counts of an entity that waits already are added to what waits.
    struct PairHash {
        std::size_t operator()(const std::pair<std::uint64_t, std::int64_t>& id) const {
            return id.first ^ (static_cast<std::uint64_t>(id.second) * 0x9e3779b97f4a7c15);
        }
    };
    absl::flat_hash_map<std::pair<std::uint64_t, std::int64_t>, std::size_t, PairHash> waiting;
    waiting.reserve(write_backlog_.size());
    for (std::size_t i = 0; i < write_backlog_.size(); ++i) {
        waiting.emplace(std::pair(write_backlog_[i].hash, write_backlog_[i].epoch), i);
    }
    for (RateCache::Write& write : writes) {
        auto const [at, fresh] =
            waiting.emplace(std::pair(write.hash, write.epoch), write_backlog_.size());
        if (fresh) {
            write_backlog_.push_back(std::move(write));
        } else {
            write_backlog_[at->second].count += write.count;
            cache_.written(1);
        }
    }
}

std::size_t RateLimiter::purge_stale(std::int64_t epoch) {
    std::size_t const before = write_backlog_.size();
    std::erase_if(write_backlog_,
                  [&](const RateCache::Write& write) { return write.epoch < epoch - 1; });
    std::size_t const purged = before - write_backlog_.size();
    cache_.written(purged);
    return purged;
}

void RateLimiter::scan() {
    auto const thresholds = thresholds_.load();
    RateCache::Scan const found = cache_.scan(*thresholds, moment());
    for (std::size_t t = 0; t < kTiers; ++t)
        metrics_->tiers[t].set(static_cast<double>(found.tiers[t]));
}

base::Task<void> RateLimiter::tick(redis::Store& store) {
    auto const begun = clock_.steady();
    if (++ticks_ % kTicksPerScan == 0) scan();
    metrics_->cache_size.set(static_cast<double>(cache_.size()));
    take_in();
    std::int64_t const epoch =
        clock_.now().seconds / static_cast<std::int64_t>(options_.cache.window_secs);
    metrics_->error("pipeline", "stale_epoch_purged", "", purge_stale(epoch));
    auto const syncs = take_front(sync_backlog_, options_.max_sync_keys_per_tick);
    auto const writes = take_front(write_backlog_, options_.max_sync_keys_per_tick);
    metrics_->sync_deferred.set(static_cast<double>(sync_backlog_.size()));
    metrics_->write_deferred.set(static_cast<double>(write_backlog_.size()));
    metrics_->pending_sync.set(static_cast<double>(syncs->size()));
    if (!syncs->empty() || !writes->empty()) {
        metrics_->size_write.observe(static_cast<double>(writes->size()));
        metrics_->size_read.observe(static_cast<double>(syncs->size()));
        co_await write_all(store, writes);
        co_await read_all(store, syncs);
        auto const took = std::chrono::duration<double, std::milli>(clock_.steady() - begun);
        metrics_->tick_ms.observe(took.count());
    }
    std::int64_t const failing = failing_since_ ? clock_.now().seconds - failing_since_ : 0;
    metrics_->read_failing.set(static_cast<double>(failing));
}

base::Task<void> RateLimiter::write_all(redis::Store& store, std::shared_ptr<const Writes> writes) {
    std::size_t const per_chunk = options_.max_keys_per_command;
    std::size_t const count = chunks(writes->size(), per_chunk);
    co_await gather(count, options_.max_concurrent_commands,
                    [&](std::size_t i) -> base::Task<void> {
                        std::size_t const end = std::min(writes->size(), (i + 1) * per_chunk);
                        return [](base::Task<bool> chunk) -> base::Task<void> {
                            co_await std::move(chunk);
                        }(write_chunk(store, writes, i * per_chunk, end));
                    });
    cache_.written(writes->size());
    metrics_->commands_write.observe(static_cast<double>(count));
}

base::Task<bool> RateLimiter::write_chunk(redis::Store& store, std::shared_ptr<const Writes> writes,
                                          std::size_t begin, std::size_t end) {
    auto const window = static_cast<std::int64_t>(options_.cache.window_secs);
    redis::Commands commands;
    for (std::size_t i = begin; i < end; ++i) {
        const RateCache::Write& write = (*writes)[i];
        std::string const key = redis_key(write.key, write.epoch);
        std::string const count = std::to_string(write.count);
        // Spread over one window, the same on every process.
        auto const offset =
            static_cast<std::int64_t>(hash_text(write.key, HashKey{}) % options_.cache.window_secs);
        std::string const expiry = std::to_string((write.epoch + 2) * window + offset);
        commands.add({"INCRBY", key, count});
        commands.add({"EXPIREAT", key, expiry});
    }
    auto const begun = clock_.steady();
    auto const replies = co_await store.run(std::move(commands), options_.write_timeout);
    if (!replies) {
        bool const late = replies.error().failure == redis::Failure::Timeout;
        metrics_->error("pipeline", late ? "write_timeout" : "redis_write", kRedis);
        co_return false;
    }
    std::size_t refused = 0;
    for (const redis::Reply& reply : *replies)
        refused += reply.kind == redis::Reply::Kind::Error;
    if (refused > 0) metrics_->error("pipeline", "redis_write", kRedis);
    metrics_->pipeline_ms.observe(
        std::chrono::duration<double, std::milli>(clock_.steady() - begun).count());
    metrics_->records_written.add(static_cast<double>(end - begin));
    co_return refused == 0;
}

base::Task<void> RateLimiter::read_all(redis::Store& store, std::shared_ptr<const Syncs> syncs) {
    if (syncs->empty()) {
        metrics_->commands_read.observe(0);
        co_return;
    }
    std::size_t const per_chunk = std::max<std::size_t>(options_.max_keys_per_command / 2, 1);
    std::size_t const count = chunks(syncs->size(), per_chunk);
    reads_succeeded_ = reads_failed_ = 0;
    co_await gather(count, options_.max_concurrent_commands,
                    [&](std::size_t i) -> base::Task<void> {
                        std::size_t const end = std::min(syncs->size(), (i + 1) * per_chunk);
                        return [](RateLimiter& self, base::Task<bool> chunk) -> base::Task<void> {
                            bool const good = co_await std::move(chunk);
                            ++(good ? self.reads_succeeded_ : self.reads_failed_);
                        }(*this, read_chunk(store, syncs, i * per_chunk, end));
                    });
    cache_.synced(syncs->size());
    metrics_->commands_read.observe(static_cast<double>(count));
    note_reads(reads_succeeded_, reads_failed_);
}

void RateLimiter::note_reads(std::size_t succeeded, std::size_t failed) {
    if (succeeded > 0) {
        failing_since_ = 0;
    } else if (failed > 0 && failing_since_ == 0) {
        failing_since_ = clock_.now().seconds;
    }
    cache_.set_reads_failing_since(failing_since_);
}

double RateLimiter::estimate(const redis::Reply& current, const redis::Reply& previous,
                             std::int64_t unix_seconds) const {
    auto const window = static_cast<std::int64_t>(options_.cache.window_secs);
    double const progress =
        static_cast<double>(unix_seconds % window) / static_cast<double>(window);
    return number(previous) * (1 - progress) + number(current);
}

void RateLimiter::settle(const RateCache::Sync& sync, double level,
                         const RateThresholds& thresholds, const RateMoment& now) {
    std::uint64_t const limit = limit_of(thresholds, sync.key);
    RateCache::Update const update = cache_.store(sync.hash, level, limit, now);
    if (!update.known) return;
    double const whole = limit == 0 ? 1.0 : static_cast<double>(limit);
    metrics_->drift.observe(std::abs(update.old_level - level) / whole);
    if (update.age_ms >= 0) metrics_->staleness.observe(static_cast<double>(update.age_ms));
    RateTier const before =
        tier_of(std::max(update.old_level / whole, static_cast<double>(update.old_pressure)));
    metrics_->transition(before, tier_of(level / whole));
}

base::Task<bool> RateLimiter::read_chunk(redis::Store& store, std::shared_ptr<const Syncs> syncs,
                                         std::size_t begin, std::size_t end) {
    std::int64_t const unix_seconds = clock_.now().seconds;
    std::int64_t const epoch = unix_seconds / static_cast<std::int64_t>(options_.cache.window_secs);
    std::vector<std::string> keys;
    keys.reserve(2 * (end - begin));
    for (std::size_t i = begin; i < end; ++i) {
        keys.push_back(redis_key((*syncs)[i].key, epoch));
        keys.push_back(redis_key((*syncs)[i].key, epoch - 1));
    }
    std::vector<std::string_view> arguments{"MGET"};
    arguments.insert(arguments.end(), keys.begin(), keys.end());
    redis::Commands commands;
    commands.add(arguments);
    auto const begun = clock_.steady();
    auto const reply = co_await redis::command(store, std::move(commands), options_.read_timeout);
    if (!reply || reply->kind != redis::Reply::Kind::Array || reply->items.size() != keys.size()) {
        bool const late = !reply && reply.error().failure == redis::Failure::Timeout;
        metrics_->error("pipeline", late ? "read_timeout" : "redis_error", kRedis);
        for (std::size_t i = begin; i < end; ++i)
            cache_.give_up((*syncs)[i].hash);
        co_return false;
    }
    metrics_->pipeline_ms.observe(
        std::chrono::duration<double, std::milli>(clock_.steady() - begun).count());
    metrics_->records_read.add(static_cast<double>(keys.size()));
    auto const thresholds = thresholds_.load();
    RateMoment const now = moment();
    for (std::size_t i = begin; i < end; ++i) {
        std::size_t const at = 2 * (i - begin);
        settle((*syncs)[i], estimate(reply->items[at], reply->items[at + 1], unix_seconds),
               *thresholds, now);
    }
    co_return true;
}

base::Task<redis::Result<double>> RateLimiter::read_level(redis::Store& store, std::string key) {
    std::int64_t const unix_seconds = clock_.now().seconds;
    std::int64_t const epoch = unix_seconds / static_cast<std::int64_t>(options_.cache.window_secs);
    std::string const current = redis_key(key, epoch);
    std::string const previous = redis_key(key, epoch - 1);
    redis::Commands commands;
    commands.add({"MGET", current, previous});
    auto const reply = co_await redis::command(store, std::move(commands));
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->items.size() != 2) {
        redis::Error error{redis::Failure::Protocol, "reply of an unexpected kind"};
        co_return std::unexpected(std::move(error));
    }
    co_return estimate(reply->items[0], reply->items[1], unix_seconds);
}

}  // namespace capture::limits
