#include "limits/rate_cache.h"

#include <algorithm>
#include <cmath>

namespace capture::limits {

const char* to_text(RateTier tier) {
    switch (tier) {
        case RateTier::Idle:
            return "idle";
        case RateTier::Low:
            return "low";
        case RateTier::Normal:
            return "normal";
        case RateTier::Hot:
        case RateTier::kCount:
            break;
    }
    return "hot";
}

RateTier tier_of(double share) {
    if (share < 0.1) return RateTier::Idle;
    if (share < 0.5) return RateTier::Low;
    if (share < 0.8) return RateTier::Normal;
    return RateTier::Hot;
}

void RateStats::add(const RateStats& other) {
    allowed += other.allowed;
    limited += other.limited;
    hit += other.hit;
    miss += other.miss;
    sync_queued += other.sync_queued;
    below_floor += other.below_floor;
    outage_skipped += other.outage_skipped;
    write_full += other.write_full;
    sync_full += other.sync_full;
    evicted_size += other.evicted_size;
    evicted_expired += other.evicted_expired;
}

RateCache::RateCache(const RateCacheOptions& options)
    : options_(options),
      shards_holder_(std::make_unique<std::array<Shard, kShards>>()),
      shards_(*shards_holder_) {
    std::size_t const per_shard = (options_.max_entries + kShards - 1) / kShards;
    for (Shard& s : shards_)
        s.table = KeyTable<Entry>(per_shard);
}

double RateCache::decayed(const Entry& entry, std::uint64_t limit, const RateMoment& now) const {
    if (entry.synced_at == kNever) return 0;
    double const leak = static_cast<double>(limit) / static_cast<double>(options_.window_secs);
    double const seconds = static_cast<double>(now.steady_ms - entry.synced_at) / 1000.0;
    return std::max(0.0, entry.estimate - leak * seconds);
}

double RateCache::level(const Entry& entry, std::uint64_t limit, const RateMoment& now) const {
    return decayed(entry, limit, now) + static_cast<double>(entry.pending);
}

bool RateCache::expired(const Entry& entry, const RateMoment& now) const {
    std::int64_t const idle = now.steady_ms / 1000 - static_cast<std::int64_t>(entry.touched);
    return idle > 0 && static_cast<std::uint64_t>(idle) >= options_.idle_secs;
}

double RateCache::floor(std::uint64_t limit) const {
    if (options_.min_sync_floor == 0) return 0;
    return static_cast<double>(
        std::min(options_.min_sync_floor, std::max<std::uint64_t>(1, limit / 100)));
}

bool RateCache::due(const Entry& entry, double before, std::uint64_t limit,
                    const RateMoment& now) const {
    if (entry.synced_at == kNever) return true;
    double const share = limit == 0 ? 1.0 : before / static_cast<double>(limit);
    auto interval = static_cast<double>(options_.sync_interval_secs) * 1000.0;
    switch (tier_of(std::max(share, static_cast<double>(entry.pressure)))) {
        case RateTier::Idle:
        case RateTier::Low:
            interval *= 4;
            break;
        case RateTier::Normal:
            break;
        default:
            interval /= 2;
            break;
    }
    return static_cast<double>(now.steady_ms - entry.synced_at) > interval;
}

RateCache::Text RateCache::text_of(Shard& s, const Entry& entry, const RateEntity& entity) const {
    if (entry.write_slot < s.writes.size() && s.writes[entry.write_slot].key == entry.key) {
        return s.writes[entry.write_slot].text;
    }
    auto const offset = static_cast<std::uint32_t>(s.texts.size());
    entity.append_to(s.texts);
    return {offset, static_cast<std::uint32_t>(s.texts.size()) - offset};
}

void RateCache::record(Shard& s, Entry& entry, const RateEntity& entity, std::uint64_t count,
                       std::int64_t epoch) {
    if (count == 0) return;
    if (entry.write_slot < s.writes.size()) {
        PendingWrite& waiting = s.writes[entry.write_slot];
        if (waiting.key == entry.key && waiting.epoch == epoch) {
            waiting.count += count;
            return;
        }
    }
    if (pending_writes_.load(std::memory_order_relaxed) >= options_.max_writes) {
        ++s.stats.write_full;
        return;
    }
    pending_writes_.fetch_add(1, std::memory_order_relaxed);
    Text const text = text_of(s, entry, entity);
    entry.write_slot = static_cast<std::uint32_t>(s.writes.size());
    s.writes.push_back({entry.key, epoch, count, text});
}

bool RateCache::queue_sync(Shard& s, Entry& entry, const RateEntity& entity) {
    if (entry.queued) return true;
    if (pending_syncs_.load(std::memory_order_relaxed) >= options_.max_syncs) {
        ++s.stats.sync_full;
        return false;
    }
    pending_syncs_.fetch_add(1, std::memory_order_relaxed);
    s.syncs.push_back({entry.key, text_of(s, entry, entity)});
    entry.queued = true;
    return true;
}

RateCache::Entry& RateCache::add_missing(Shard& s, Entry* old, std::uint64_t key,
                                         std::uint64_t limit, const RateMoment& now) {
    if (old) {  // there, but expired
        ++s.stats.evicted_expired;
        std::uint32_t const slot = old->write_slot;  // a count of it may still wait
        *old = Entry{};
        old->key = key;
        old->write_slot = slot;
        return *old;
    }
    auto const inserted = s.table.insert(
        key, [&](const Entry& e) { return expired(e, now); },
        [&](const Entry& e) { return level(e, limit, now); });
    s.hint.follow(s.table);
    inserted.entry->write_slot = UINT32_MAX;
    if (inserted.reused) ++s.stats.evicted_expired;
    if (inserted.evicted) {
        ++s.stats.evicted_size;
        inserted.entry->pending = static_cast<std::uint64_t>(level(*inserted.evicted, limit, now));
    }
    return *inserted.entry;
}

bool RateCache::guard_waives(const Entry& entry, std::uint64_t limit, const RateMoment& now) const {
    std::int64_t const since = failing_since_.load(std::memory_order_relaxed);
    if (since == 0 || options_.max_read_outage_secs == 0) return false;
    if (now.unix_seconds - since < static_cast<std::int64_t>(options_.max_read_outage_secs))
        return false;
    return decayed(entry, limit, now) < static_cast<double>(limit);
}

RateCache::Verdict RateCache::evaluate(const RateThresholds& thresholds, const RateEntity& entity,
                                       std::uint64_t count, const RateMoment& now) {
    auto const [limit, custom] =
        thresholds.resolve(entity.hash, entity.token_hash, options_.threshold);
    std::uint64_t const key = KeyTable<Entry>::valid(entity.hash);
    std::int64_t const epoch = now.unix_seconds / static_cast<std::int64_t>(options_.window_secs);
    Shard& s = shard(key);
    std::lock_guard lock(s.mutex);
    Entry* entry = s.table.find(key);

    if (!entry || expired(*entry, now)) [[unlikely]] {
        Entry& fresh = add_missing(s, entry, key, limit, now);
        fresh.pending += count;
        fresh.touched = static_cast<std::uint32_t>(now.steady_ms / 1000);
        record(s, fresh, entity, count, epoch);
        if (static_cast<double>(fresh.pending) >= floor(limit)) queue_sync(s, fresh, entity);
        ++s.stats.miss;
        ++s.stats.allowed;
        return {false, custom, limit};
    }

    double const before = level(*entry, limit, now);
    record(s, *entry, entity, count, epoch);
    bool queued = false;
    if (before < floor(limit)) {
        ++s.stats.below_floor;
    } else if (due(*entry, before, limit, now)) {
        queued = queue_sync(s, *entry, entity);
    }
    ++(queued ? s.stats.sync_queued : s.stats.hit);
    entry->pending += count;
    entry->touched = static_cast<std::uint32_t>(now.steady_ms / 1000);
    bool limited = before + static_cast<double>(count) >= static_cast<double>(limit);
    if (limited && guard_waives(*entry, limit, now)) [[unlikely]] {
        ++s.stats.outage_skipped;
        limited = false;
    }
    ++(limited ? s.stats.limited : s.stats.allowed);
    return {limited, custom, limit};
}

void RateCache::drain(std::vector<Write>& writes, std::vector<Sync>& syncs, RateStats& stats) {
    std::vector<PendingWrite> some_writes;
    std::vector<PendingSync> some_syncs;
    std::string texts;
    for (Shard& s : shards_) {
        some_writes.clear();
        some_syncs.clear();
        texts.clear();
        {
            std::lock_guard lock(s.mutex);
            some_writes.swap(s.writes);
            some_syncs.swap(s.syncs);
            texts.swap(s.texts);
            stats.add(s.stats);
            s.stats = {};
        }
        auto const text = [&](Text t) { return texts.substr(t.offset, t.size); };
        for (const PendingWrite& w : some_writes)
            writes.push_back({w.key, w.epoch, w.count, text(w.text)});
        for (const PendingSync& w : some_syncs)
            syncs.push_back({w.key, text(w.text)});
    }
}

RateCache::Update RateCache::store(std::uint64_t hash, double estimate, std::uint64_t limit,
                                   const RateMoment& now) {
    Update update;
    Shard& s = shard(hash);
    std::lock_guard lock(s.mutex);
    Entry* const entry = s.table.find(hash);
    if (!entry || expired(*entry, now)) return update;
    update.known = true;
    update.old_level = level(*entry, limit, now);
    update.old_pressure = entry->pressure;
    if (entry->synced_at != kNever) update.age_ms = now.steady_ms - entry->synced_at;
    entry->estimate = estimate;
    entry->synced_at = now.steady_ms;
    entry->pending = 0;
    entry->pressure = limit == 0 ? 1.0f : static_cast<float>(estimate / static_cast<double>(limit));
    entry->touched = static_cast<std::uint32_t>(now.steady_ms / 1000);
    entry->queued = false;
    return update;
}

void RateCache::give_up(std::uint64_t hash) {
    Shard& s = shard(hash);
    std::lock_guard lock(s.mutex);
    if (Entry* const entry = s.table.find(hash)) entry->queued = false;
}

RateCache::Scan RateCache::scan(const RateThresholds& thresholds, const RateMoment& now) {
    Scan result;
    for (Shard& s : shards_) {
        std::lock_guard lock(s.mutex);
        s.stats.evicted_expired +=
            s.table.remove_if([&](const Entry& e) { return expired(e, now); });
        s.hint.follow(s.table);
        result.size += s.table.size();
        s.table.for_each([&](const Entry& e) {
            std::uint64_t const limit = thresholds.resolve(e.key, 0, options_.threshold).limit;
            double const share =
                limit == 0 ? 1.0 : level(e, limit, now) / static_cast<double>(limit);
            ++result.tiers[static_cast<std::size_t>(
                tier_of(std::max(share, static_cast<double>(e.pressure))))];
        });
    }
    return result;
}

std::size_t RateCache::size() const {
    std::size_t sum = 0;
    for (const Shard& s : shards_) {
        std::lock_guard lock(s.mutex);
        sum += s.table.size();
    }
    return sum;
}

std::size_t RateCache::memory() const {
    std::size_t sum = 0;
    for (const Shard& s : shards_) {
        std::lock_guard lock(s.mutex);
        sum += s.table.memory() + s.writes.capacity() * sizeof(PendingWrite) +
               s.syncs.capacity() * sizeof(PendingSync) + s.texts.capacity();
    }
    return sum;
}

std::optional<double> RateCache::level(std::uint64_t hash, std::uint64_t limit,
                                       const RateMoment& now) const {
    std::uint64_t const key = KeyTable<Entry>::valid(hash);
    const Shard& s = shard(key);
    std::lock_guard lock(s.mutex);
    const Entry* const entry = const_cast<KeyTable<Entry>&>(s.table).find(key);
    if (!entry || expired(*entry, now)) return std::nullopt;
    return level(*entry, limit, now);
}

}  // namespace capture::limits
