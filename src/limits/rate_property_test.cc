// The rate limiter's algorithm against a slow reference, written from the contract's text and from
// nothing else, over random keys, counts, times, thresholds, other processes and failures of Redis.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <set>

#include "limits/rate_limiter.h"
#include "limits/redis/memory_store.h"
#include "limits/testing.h"

namespace capture::limits {
namespace {

using std::chrono::milliseconds;
using testing::wait;

class Reference {
  public:
    struct State {
        double estimate = 0;
        std::optional<std::int64_t> synced_ms;
        std::uint64_t pending = 0;
        double pressure = 0;
        std::int64_t touched_s = 0;
    };

    Reference(const config::RateLimitSettings& s, std::map<std::string, std::uint64_t> c)
        : settings(s), custom(std::move(c)) {}

    std::uint64_t threshold(const std::string& key) const {
        if (auto const exact = custom.find(key); exact != custom.end()) return exact->second;
        if (auto const token = custom.find(key.substr(0, key.find(':'))); token != custom.end())
            return token->second;
        return settings.threshold;
    }
    double decayed(const State& s, std::uint64_t t, std::int64_t ms) const {
        if (!s.synced_ms) return 0;
        double const leak = static_cast<double>(t) / static_cast<double>(settings.window_secs);
        return std::max(0.0, s.estimate - leak * (static_cast<double>(ms - *s.synced_ms) / 1000.0));
    }
    bool evaluate(const std::string& key, std::uint64_t count, std::int64_t unix_s,
                  std::int64_t ms) {
        std::uint64_t const t = threshold(key);
        if (count > 0)
            updates[{key, unix_s / static_cast<std::int64_t>(settings.window_secs)}] += count;
        double const floor =
            settings.min_sync_floor == 0
                ? 0.0
                : static_cast<double>(
                      std::min(settings.min_sync_floor, std::max<std::uint64_t>(1, t / 100)));
        auto found = cache.find(key);
        if (found != cache.end() && ms / 1000 - found->second.touched_s >=
                                        static_cast<std::int64_t>(settings.cache_idle_secs)) {
            cache.erase(found);
            found = cache.end();
        }
        if (found == cache.end()) {
            State fresh;
            fresh.pending = count;
            fresh.touched_s = ms / 1000;
            cache[key] = fresh;
            if (static_cast<double>(count) >= floor) syncs.insert(key);
            return false;
        }
        State& s = found->second;
        double const before = decayed(s, t, ms) + static_cast<double>(s.pending);
        if (before >= floor) {
            double const share = t == 0 ? 1 : before / static_cast<double>(t);
            double const heat = std::max(share, s.pressure);
            double const factor = heat < 0.5 ? 4 : heat < 0.8 ? 1 : 0.5;
            double const interval =
                static_cast<double>(settings.sync_interval_secs) * 1000 * factor;
            if (!s.synced_ms || static_cast<double>(ms - *s.synced_ms) > interval)
                syncs.insert(key);
        }
        s.pending += count;
        s.touched_s = ms / 1000;
        double const after = decayed(s, t, ms) + static_cast<double>(s.pending);
        if (after < static_cast<double>(t)) return false;
        if (failing_since && settings.max_read_outage_secs > 0 &&
            unix_s - *failing_since >= static_cast<std::int64_t>(settings.max_read_outage_secs)) {
            return decayed(s, t, ms) >= static_cast<double>(t);
        }
        return true;
    }
    /// What Redis does in a tick: whether writes reach it, and whether reads bring an answer.
    void tick(bool writes_arrive, bool reads_answer, std::int64_t unix_s, std::int64_t ms) {
        auto const window = static_cast<std::int64_t>(settings.window_secs);
        std::int64_t const epoch = unix_s / window;
        for (auto const& [id, n] : updates) {
            if (writes_arrive && id.second >= epoch - 1) redis[id] += n;
        }
        updates.clear();
        if (syncs.empty()) return;
        if (!reads_answer) {
            if (!failing_since) failing_since = unix_s;
            syncs.clear();
            return;
        }
        failing_since.reset();
        for (const std::string& key : syncs) {
            auto const found = cache.find(key);
            if (found == cache.end() || ms / 1000 - found->second.touched_s >=
                                            static_cast<std::int64_t>(settings.cache_idle_secs)) {
                continue;
            }
            auto const value = [&](std::int64_t e) {
                auto const at = redis.find({key, e});
                return at == redis.end() ? 0.0 : static_cast<double>(at->second);
            };
            double const progress =
                static_cast<double>(unix_s % window) / static_cast<double>(window);
            State& s = found->second;
            s.estimate = value(epoch - 1) * (1 - progress) + value(epoch);
            s.synced_ms = ms;
            s.pending = 0;
            std::uint64_t const t = threshold(key);
            s.pressure = static_cast<float>(t == 0 ? 1 : s.estimate / static_cast<double>(t));
            s.touched_s = ms / 1000;
        }
        syncs.clear();
    }

    config::RateLimitSettings settings;
    std::map<std::string, std::uint64_t> custom;
    std::map<std::string, State> cache;
    std::map<std::pair<std::string, std::int64_t>, std::uint64_t> updates;
    std::map<std::pair<std::string, std::int64_t>, std::uint64_t> redis;
    std::set<std::string> syncs;
    std::optional<std::int64_t> failing_since;
};

/// One seed's run of both.
class RateProperty : public ::testing::TestWithParam<int> {
  protected:
    RateProperty() : random_(static_cast<std::uint64_t>(GetParam())) {
        settings_.threshold = std::array<std::uint64_t, 5>{0, 1, 7, 50, 2000}[below(5)];
        settings_.window_secs = 1 + below(90);
        settings_.sync_interval_secs = below(20);
        settings_.min_sync_floor = below(12);
        settings_.max_read_outage_secs = below(3) * 20;
        settings_.cache_idle_secs = settings_.window_secs + below(100);
        settings_.cache_ttl_secs = settings_.cache_idle_secs + below(100);
        ThresholdList const overrides{{"t:b", 20}, {"custom", 5}, {"custom:a", 0}};
        limiter_ = std::make_unique<RateLimiter>(
            event_rate_options(settings_, config::Mode::Events, telemetry::Logger::silent()),
            overrides, key_, probe_, telemetry::Logger::silent(), clock_);
        reference_ = std::make_unique<Reference>(
            settings_, std::map<std::string, std::uint64_t>{overrides.begin(), overrides.end()});
    }

    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    std::int64_t ms() const {
        return std::chrono::duration_cast<milliseconds>(clock_.steady() - start_).count();
    }
    std::string any_token() { return below(3) == 0 ? "custom" : "t"; }
    std::string any_id() { return {1, static_cast<char>('a' + below(6))}; }

    void evaluate() {
        std::string const token = any_token();
        std::string const id = any_id();
        std::uint64_t const count = below(10) == 0 ? below(40) : 1;
        RateEntity entity;
        entity.token = token;
        entity.rest = id;
        entity.token_hash = hash_text(token, key_);
        entity.hash = hash_pair(entity.token_hash, id, key_);
        bool const expected =
            reference_->evaluate(token + ":" + id, count, clock_.now().seconds, ms());
        ASSERT_EQ(
            limiter_->evaluate(*limiter_->thresholds().load(), entity, count, limiter_->moment()),
            expected)
            << "seed " << GetParam() << " key " << token << ":" << id << " at " << ms() << " ms";
    }
    void tick() {
        clock_.advance(milliseconds(below(3) == 0 ? below(30'000) : below(1500)));
        if (below(20) == 0) weather_ = below(6);
        store_.failing_writes = store_.failing_reads = std::nullopt;
        bool const away = weather_ == 1;
        auto const cause = below(2) ? redis::Failure::Unreachable : redis::Failure::Timeout;
        if (away || weather_ == 2) store_.failing_writes = cause;
        if (away || weather_ == 3) store_.failing_reads = cause;
        store_.losing_replies = weather_ == 4;
        wait(context_, limiter_->tick(store_));
        store_.losing_replies = false;
        reference_->tick(!store_.failing_writes, !store_.failing_reads && weather_ != 4,
                         clock_.now().seconds, ms());
    }
    /// Another process counts, or Redis forgets.
    void others() {
        auto const epoch = clock_.now().seconds / static_cast<std::int64_t>(settings_.window_secs) -
                           static_cast<std::int64_t>(below(2));
        std::string const entity = any_token() + ":" + any_id();
        std::string const key =
            limiter_->options().redis_prefix + ":" + entity + ":" + std::to_string(epoch);
        auto& held = reference_->redis[{entity, epoch}];
        held = below(4) == 0 ? 0 : held + below(2 * settings_.threshold + 2);
        store_.set(key, std::to_string(held));
    }
    void rethink_thresholds() {
        ThresholdList list;
        for (const char* name : {"t", "custom", "t:a", "t:b", "custom:c"}) {
            if (below(3) == 0) list.emplace_back(name, below(60));
        }
        limiter_->thresholds().publish(std::make_shared<const RateThresholds>(list, key_));
        reference_->custom = {list.begin(), list.end()};
    }
    void jump() {
        clock_.advance(milliseconds(below(200'000) / (1 + below(100))));
        if (below(8) > 0) return;  // the wall clock is set, back or forth
        auto const by = static_cast<std::int64_t>(below(200'000)) - 100'000;
        clock_.set(clock_.now().plus_millis(by));
    }

    std::mt19937_64 random_;
    base::IoContext context_;
    base::ManualClock clock_{{1'700'000'000, 0}};
    std::chrono::steady_clock::time_point const start_ = clock_.steady();
    telemetry::Registry registry_{"capture", "events"};
    Probe probe_{registry_};
    redis::MemoryStore store_;
    config::RateLimitSettings settings_;
    HashKey key_ = HashKey::random();
    std::unique_ptr<RateLimiter> limiter_;
    std::unique_ptr<Reference> reference_;
    std::uint64_t weather_ = 0;  ///< 1 away, 2 writes fail, 3 reads fail, 4 replies are lost
};

TEST_P(RateProperty, DecidesAsTheReferenceDoes) {
    for (int step = 0; step < 4000 && !HasFatalFailure(); ++step) {
        auto const action = below(100);
        if (action < 80) {
            evaluate();
        } else if (action < 93) {
            tick();
        } else if (action < 96) {
            others();
        } else if (action < 97) {
            rethink_thresholds();
        } else {
            jump();
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RateProperty, ::testing::Range(1, 61));

}  // namespace
}  // namespace capture::limits
