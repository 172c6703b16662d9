#include "limits/overflow.h"

#include <algorithm>

#include "limits/key_list.h"

namespace capture::limits {
namespace {

using model::EventKind;
using model::OverflowReason;

constexpr std::int64_t kSecond = 1'000'000'000;

/// The part of the event key after the token.
std::string_view key_rest(const model::Event& event) {
    return event.cookieless ? event.ip : event.distinct_id;
}

}  // namespace

KeyBuckets::KeyBuckets(std::uint32_t per_second, std::uint32_t burst, const base::Clock& clock,
                       std::size_t max_keys)
    : clock_(clock),
      start_(clock.steady()),
      interval_(std::max<std::int64_t>(kSecond / std::max(per_second, 1u), 1)),
      capacity_(interval_ * std::max(burst, 1u)) {
    for (Shard& shard : shards_)
        shard.table = KeyTable<Entry>((max_keys + kShards - 1) / kShards);
}

std::int64_t KeyBuckets::since_start(std::chrono::steady_clock::time_point now) const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now - start_).count() + 1;
}

bool KeyBuckets::take(std::uint64_t key_hash, std::chrono::steady_clock::time_point now) {
    std::uint64_t const key = KeyTable<Entry>::valid(key_hash);
    std::int64_t const time = since_start(now);
    Shard& shard = shards_[key >> 58];
    std::lock_guard lock(shard.mutex);
    Entry* entry = shard.table.find(key);
    if (!entry) {
        auto const inserted = shard.table.insert(
            key, [&](const Entry& e) { return e.full_at <= time; },
            [](const Entry& e) { return static_cast<double>(e.full_at); });
        shard.hint.follow(shard.table);
        entry = inserted.entry;
        if (inserted.evicted) entry->full_at = inserted.evicted->full_at;
    }
    std::int64_t const after = std::max(entry->full_at, time) + interval_;
    if (after - time > capacity_) return false;
    entry->full_at = after;
    return true;
}

void KeyBuckets::purge() {
    std::int64_t const time = since_start(clock_.steady());
    for (Shard& shard : shards_) {
        std::lock_guard lock(shard.mutex);
        shard.table.remove_if([&](const Entry& e) { return e.full_at <= time; });
        shard.hint.follow(shard.table);
    }
}

std::size_t KeyBuckets::size() const {
    std::size_t sum = 0;
    for (const Shard& shard : shards_) {
        std::lock_guard lock(shard.mutex);
        sum += shard.table.size();
    }
    return sum;
}

std::size_t KeyBuckets::memory() const {
    std::size_t sum = 0;
    for (const Shard& shard : shards_) {
        std::lock_guard lock(shard.mutex);
        sum += shard.table.memory();
    }
    return sum;
}

OverflowLimiter::OverflowLimiter(const config::OverflowSettings& settings, Lanes lanes,
                                 const HashKey& key, const Probe& probe, const base::Clock& clock)
    : lanes_(lanes),
      enabled_(settings.enabled),
      key_(key),
      restricted_(probe.rerouted.with({"event_restriction"})),
      force_limited_(probe.rerouted.with({"force_limited"})),
      rate_limited_(probe.rerouted.with({"rate_limited"})),
      capacity_exceeded_(probe.capacity_exceeded) {
    if (!enabled_) return;
    if (!settings.forced_keys.empty()) {
        for_each_part(settings.forced_keys, ',', [&](std::string_view entry) {
            if (!entry.empty()) forced_.emplace(entry);
        });
    }
    if (settings.analytics_bucket) {
        analytics_ = std::make_unique<KeyBuckets>(settings.per_second, settings.burst, clock);
        analytics_keys_ = probe.partition_keys.with({"analytics"});
    }
    if (lanes_.ai) {
        ai_ = std::make_unique<KeyBuckets>(settings.per_second, settings.burst, clock);
        ai_keys_ = probe.partition_keys.with({"ai"});
    }
}

bool OverflowLimiter::serves(EventKind kind) const {
    switch (kind) {
        case EventKind::AnalyticsMain:
            return true;
        case EventKind::Ai:
            return lanes_.ai;
        case EventKind::Exception:
            return lanes_.error_tracking;
        default:
            return false;
    }
}

KeyBuckets* OverflowLimiter::buckets(EventKind kind) const {
    if (kind == EventKind::AnalyticsMain) return analytics_.get();
    return kind == EventKind::Ai ? ai_.get() : nullptr;
}

bool OverflowLimiter::forced(std::string_view token, std::string_view rest,
                             std::string& scratch) const {
    if (forced_.empty()) return false;
    scratch.assign(token).append(":").append(rest);
    if (forced_.contains(std::string_view(scratch))) return true;
    std::string_view const first = first_part(scratch);
    return !first.empty() && forced_.contains(first);
}

void OverflowLimiter::apply(model::Event& event, std::string_view token, std::uint64_t token_hash,
                            std::uint64_t id_hash, std::chrono::steady_clock::time_point now,
                            std::string& scratch) const {
    if (event.stamps.force_overflow) {
        // AI events count even when their overflow topic is not configured and they stay on the
        // main one.
        if (serves(event.kind) || event.kind == EventKind::Ai) restricted_.add();
        return;
    }
    if (!enabled_ || !serves(event.kind)) return;
    std::string_view const rest = key_rest(event);
    if (forced(token, rest, scratch)) {
        event.stamps.overflow = OverflowReason::ForcedKey;
        event.stamps.person_processing_off = true;
        force_limited_.add();
        return;
    }
    KeyBuckets* const lane = buckets(event.kind);
    if (!lane) return;
    if (!lane->take(event.cookieless ? hash_pair(token_hash, rest, key_) : id_hash, now)) {
        event.stamps.overflow = OverflowReason::RateLimited;
        rate_limited_.add();
        capacity_exceeded_.add();
    }
}

void OverflowLimiter::report() const {
    if (analytics_) analytics_keys_.set(static_cast<double>(analytics_->size()));
    if (ai_) ai_keys_.set(static_cast<double>(ai_->size()));
}

void OverflowLimiter::purge() const {
    if (analytics_) analytics_->purge();
    if (ai_) ai_->purge();
}

}  // namespace capture::limits
