// Event restrictions: rules per token that drop, reroute or mark events, kept by the web
// application in Redis. Contract 30 §9.
//
// parse_restrictions() reads one Redis value. RestrictionRefresher (housekeeping) reads all five
// and publishes a table, all or nothing. A request finds its token's rules once; each event then
// costs a few look-ups, however many rules the token has, because rules are indexed by the first
// filter they use.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "config/settings.h"
#include "limits/probe.h"
#include "limits/redis/store.h"
#include "limits/snapshot.h"
#include "limits/snapshot_age.h"
#include "limits/text_hash.h"
#include "model/event.h"
#include "telemetry/log.h"

namespace capture::limits {

enum class RestrictionType : std::uint8_t {
    DropEvent,
    ForceOverflow,
    RedirectToDlq,
    SkipPersonProcessing,
    RedirectToTopic,
    kCount,
};
inline constexpr std::size_t kRestrictionTypes = static_cast<std::size_t>(RestrictionType::kCount);
/// Metric label.
const char* to_text(RestrictionType type);
/// `event_ingestion_restriction_dynamic_config:{type}`.
std::string redis_key(RestrictionType type);

enum class RestrictionPipeline : std::uint8_t {
    Analytics,
    ErrorTracking,
    Ai,
    SessionRecordings,
    kCount
};
inline constexpr std::size_t kRestrictionPipelines =
    static_cast<std::size_t>(RestrictionPipeline::kCount);
const char* to_text(RestrictionPipeline pipeline);
/// Nothing for lanes that are never restricted.
std::optional<RestrictionPipeline> restriction_pipeline(model::EventKind kind);
/// One bit per pipeline that a deployment serves.
std::uint8_t served_pipelines(config::Mode mode);

struct Restriction {
    RestrictionType type = RestrictionType::DropEvent;
    std::string token;
    std::uint8_t pipelines = 0;  ///< bits
    std::vector<std::string> distinct_ids, session_ids, event_names,
        event_uuids;    ///< sorted; empty = any
    std::string topic;  ///< RedirectToTopic
    std::int64_t index = 0;
};

/// What a rule compares (contract 30 §9.4). An empty value is an absent one.
struct RestrictionFacts {
    std::string_view distinct_id;
    std::string_view session_id;
    std::string_view event_name;
    std::string_view event_uuid;
};

/// The version-2 entries of one value for the served pipelines. `rejected` counts redirects without
/// a usable topic. The error says what is not as contract 30 §9.2 wants it; then nothing of the
/// value is used.
std::expected<std::vector<Restriction>, std::string> parse_restrictions(RestrictionType type,
                                                                        std::string_view json,
                                                                        std::uint8_t served,
                                                                        std::size_t& rejected);

/// What matched: bits of RestrictionType, and the topic of the last redirect in `index` order.
struct RestrictionMatch {
    std::uint8_t types = 0;
    const Restriction* redirect = nullptr;
    bool has(RestrictionType type) const { return (types >> static_cast<unsigned>(type)) & 1; }
};

/// The rules of one token for one pipeline.
class RuleSet {
  public:
    /// Rules in the order that decides between redirects.
    void add(const Restriction* rule);

    RestrictionMatch match(const RestrictionFacts& facts) const;
    /// Every rule that matches, in order (explain).
    std::vector<const Restriction*> matching(const RestrictionFacts& facts) const;
    bool uses_uuid() const { return uses_uuid_; }
    std::size_t size() const { return rules_.size(); }

  private:
    using Positions = std::vector<std::uint32_t>;
    using Index = absl::flat_hash_map<std::string_view, Positions, TextHash, TextEqual>;
    template <typename F>
    void visit(const RestrictionFacts& facts, F matched) const;

    std::vector<const Restriction*> rules_;
    Positions any_;
    Index by_id_, by_name_, by_session_, by_uuid_;
    bool uses_uuid_ = false;
};

struct TokenRules {
    std::array<RuleSet, kRestrictionPipelines> by_pipeline;
};

/// One state of the rules. Immutable.
struct RestrictionTable {
    std::vector<std::unique_ptr<const Restriction>> rules;
    absl::flat_hash_map<std::string_view, std::unique_ptr<TokenRules>, TextHash, TextEqual>
        by_token;
    std::array<std::size_t, kRestrictionPipelines> loaded{};
    std::array<std::size_t, kRestrictionPipelines> tokens{};

    /// Sorts by `index` and indexes.
    static std::shared_ptr<const RestrictionTable> make(std::vector<Restriction> all);
    const TokenRules* of(std::string_view token) const {
        auto const found = by_token.find(token);
        return found == by_token.end() ? nullptr : found->second.get();
    }
};

/// What the housekeeping thread publishes: the rules and when they were last known to be right.
struct RestrictionState {
    std::shared_ptr<const RestrictionTable> table;  ///< null before the first good refresh
    std::int64_t refreshed_at = 0;                  ///< unix seconds

    /// Too old to apply (contract 30 §9.5).
    bool stale(std::int64_t now, std::uint64_t fail_open_after) const {
        if (!table) return true;
        std::int64_t const age = now - refreshed_at;
        return age > 0 && static_cast<std::uint64_t>(age) > fail_open_after;
    }
};

class RestrictionRefresher {
  public:
    RestrictionRefresher(const config::RestrictionsSettings& settings, config::Mode mode,
                         const Probe& probe, telemetry::Logger& logger, const base::Clock& clock);

    base::Task<void> refresh(redis::Store& store);
    const Snapshot<RestrictionState>& state() const { return state_; }
    void report_age() const { age_.report(); }

  private:
    void publish(std::int64_t now);
    void fail(std::string_view what, std::string_view cause);

    struct TypeMetrics {
        telemetry::Counter success, not_found, error, parse_error;
    };
    struct PipelineMetrics {
        telemetry::Gauge refreshed, loaded, tokens, stale;
    };

    std::uint8_t served_;
    telemetry::Logger& logger_;
    const base::Clock& clock_;
    std::array<TypeMetrics, kRestrictionTypes> types_;
    std::array<PipelineMetrics, kRestrictionPipelines> pipelines_;
    SnapshotAge age_;
    bool failing_ = false;
    std::array<std::string, kRestrictionTypes> values_;  ///< as last parsed
    std::shared_ptr<const RestrictionTable> table_;
    Snapshot<RestrictionState> state_;
};

}  // namespace capture::limits
