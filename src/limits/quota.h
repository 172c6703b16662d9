// Billing quotas: tokens that may send no more events of a resource until a time. Contract 30 §3.
//
// QuotaSets (housekeeping) follows the Redis sets and publishes one table: token → bits. A request
// looks its token up once and works with the bits; without one it costs nothing further. Before the
// first read nothing is limited.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "limits/followed_set.h"
#include "limits/limits.h"
#include "limits/snapshot.h"
#include "limits/text_hash.h"

namespace capture::limits {

/// Scoped resources first, in the order in which they are applied.
enum class Resource : std::uint8_t {
    Exceptions,
    SurveyResponses,
    LlmEvents,
    MobileRecordings,  ///< `recordings` only, and only while its set has members (contract 40 §19)
    Events,
    Recordings,
    kCount
};
inline constexpr std::size_t kScopedResources = 4;
inline constexpr std::size_t kResources = static_cast<std::size_t>(Resource::kCount);
const char* to_text(Resource resource);
model::DropReason drop_reason(Resource resource);

/// A token's standing: which resources it is out of, and for which it is in a grace period.
class QuotaMask {
  public:
    QuotaMask() = default;
    explicit QuotaMask(std::uint32_t bits) : bits_(bits) {}
    void set_limited(Resource r) { bits_ |= 1u << static_cast<unsigned>(r); }
    void set_grace(Resource r) { bits_ |= 1u << (16 + static_cast<unsigned>(r)); }
    bool limited(Resource r) const { return (bits_ >> static_cast<unsigned>(r)) & 1; }
    /// Over quota but not enforced: in the grace set and not in the hard one.
    bool in_grace(Resource r) const {
        return ((bits_ >> (16 + static_cast<unsigned>(r))) & 1) && !limited(r);
    }
    bool any_limit() const { return (bits_ & 0xffff) != 0; }
    bool any_grace() const { return (bits_ << 1 >> 17) != 0; }
    /// Mobile recordings have a quota of their own. The same for every token.
    void set_mobile_apart() { bits_ |= 1u << 31; }
    bool mobile_apart() const { return (bits_ >> 31) != 0; }
    std::uint32_t bits() const { return bits_; }

  private:
    std::uint32_t bits_ = 0;
};

struct QuotaTable {
    absl::flat_hash_map<std::string, QuotaMask, TextHash, TextEqual> by_token;

    bool mobile_apart = false;  ///< the set of mobile recordings has members

    QuotaMask of(std::string_view token) const {
        QuotaMask mask;
        if (!by_token.empty()) {
            auto const found = by_token.find(token);
            if (found != by_token.end()) mask = found->second;
        }
        if (mobile_apart) mask.set_mobile_apart();
        return mask;
    }
};

/// The scoped resource that an event falls under; kCount when none (contract 30 §3.3, 40 §19).
Resource scope_of(const model::ParsedEvent& event, QuotaMask mask);

/// The algorithm of §3.4 and the counters of §15. Any worker; stateless but for counters.
class QuotaLimiter {
  public:
    QuotaLimiter(config::Mode mode, const Probe& probe);

    Resource global() const { return global_; }
    QuotaOutcome apply(QuotaMask mask, std::vector<model::ParsedEvent>& events) const;
    /// §3.8.
    void count_grace_period(QuotaMask mask, const std::vector<model::ParsedEvent>& events) const;
    /// For surfaces with an algorithm of their own (§3.6, §3.7): capture_quota_limit_exceeded.
    void count_exceeded(Resource resource, std::uint32_t events) const {
        exceeded_[index(resource)].add(events);
    }

  private:
    static std::size_t index(Resource resource) { return static_cast<std::size_t>(resource); }

    Resource global_;
    std::array<telemetry::Counter, kResources> exceeded_;
    std::array<telemetry::Counter, kResources> grace_;
};

/// Follows the sets of one mode. Housekeeping thread, but for table().
class QuotaSets {
  public:
    QuotaSets(config::Mode mode, std::string_view key_prefix, const Probe& probe,
              telemetry::Logger& logger, const base::Clock& clock);
    QuotaSets(const QuotaSets&) = delete;
    QuotaSets& operator=(const QuotaSets&) = delete;

    /// The sets, for one loop each.
    std::size_t size() const { return sets_.size(); }
    FollowedSet& set(std::size_t i) { return *sets_[i]; }
    const Snapshot<QuotaTable>& table() const { return table_; }

  private:
    struct Held {
        Resource resource;
        bool grace;
        std::vector<std::string> members;
    };
    void rebuild();

    Snapshot<QuotaTable> table_;
    std::vector<Held> held_;
    std::vector<std::unique_ptr<FollowedSet>> sets_;
};

}  // namespace capture::limits
