// Which threshold holds for whom: the global one, or a custom one for an entity or a whole token.
// Contract 30 §7.3.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "limits/probe.h"
#include "limits/redis/store.h"
#include "limits/snapshot.h"
#include "limits/snapshot_age.h"
#include "limits/text_hash.h"
#include "telemetry/log.h"

namespace capture::limits {

/// Who is counted: `token:rest`, or the token alone. Views of the caller's; `rest` is cut to 128
/// characters.
struct RateEntity {
    std::string_view token;
    std::string_view rest;
    bool token_only = false;
    std::uint64_t token_hash = 0;  ///< of what stands before the first `:` of the whole key
    std::uint64_t hash = 0;        ///< of the whole key

    /// The key in Redis without prefix and epoch.
    void append_to(std::string& out) const {
        out.append(token);
        if (!token_only) out.append(":").append(rest);
    }
};

inline constexpr std::size_t kMaxEntityCharacters = 128;
/// The first 128 characters (Unicode scalar values) of a distinct_id.
std::string_view entity_part(std::string_view distinct_id);
/// Hash of a whole key, equal to that of the RateEntity with this text.
std::uint64_t entity_hash(std::string_view key, const HashKey& hash_key);

using ThresholdList = std::vector<std::pair<std::string, std::uint64_t>>;

/// `key=limit,key=limit`; bad elements are logged as errors and skipped. `variable` names the
/// setting.
ThresholdList parse_thresholds_csv(std::string_view text, std::string_view variable,
                                   telemetry::Logger& logger);
/// A flat object of non-negative integers.
std::expected<ThresholdList, std::string> parse_thresholds_json(std::string_view text);

/// Immutable once published.
class RateThresholds {
  public:
    RateThresholds() = default;
    RateThresholds(const ThresholdList& list, const HashKey& key);

    struct Resolved {
        std::uint64_t limit;
        bool custom;
    };
    /// The exact key, else its token, else the global threshold.
    Resolved resolve(std::uint64_t hash, std::uint64_t token_hash, std::uint64_t global) const {
        if (by_hash_.empty()) return {global, false};
        if (auto const found = by_hash_.find(hash); found != by_hash_.end())
            return {found->second, true};
        if (auto const found = by_hash_.find(token_hash); found != by_hash_.end())
            return {found->second, true};
        return {global, false};
    }
    std::size_t size() const { return by_hash_.size(); }

  private:
    struct Identity {
        std::size_t operator()(std::uint64_t hash) const { return hash; }
    };
    absl::flat_hash_map<std::uint64_t, std::uint64_t, Identity> by_hash_;
};

/// Reads the dynamic map. Housekeeping thread.
class ThresholdRefresher {
  public:
    ThresholdRefresher(std::string redis_key, std::string_view scope, const HashKey& hash_key,
                       const Probe& probe, telemetry::Logger& logger, const base::Clock& clock,
                       Snapshot<RateThresholds>& target);

    base::Task<void> refresh(redis::Store& store);
    /// Sets the age metric.
    void report_age() const { age_.report(); }

  private:
    const std::string redis_key_;
    const HashKey hash_key_;
    telemetry::Logger& logger_;
    const base::Clock& clock_;
    Snapshot<RateThresholds>& target_;
    SnapshotAge age_;
    std::string last_;
    telemetry::Gauge loaded_, refreshed_;
    telemetry::Counter success_, not_found_, error_, parse_error_;
};

}  // namespace capture::limits
