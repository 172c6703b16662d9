// Every metric of this room, declared once. Contract 30 §7.7, §15; 80 §13.3, §13.7, §13.8; 10 §14.
//
// Those without a section number are this service's own: what Redis does, and how old the facts are
// that limits are decided on.
#pragma once

#include <array>

#include "telemetry/metrics.h"

namespace capture::limits {

namespace metrics {

using telemetry::MetricSpec;
using enum telemetry::MetricType;

inline constexpr double kPipelineMillis[]{.5, 1,  2,   5,   10,  20,  30,
                                          50, 75, 100, 150, 250, 500, 1000};
inline constexpr double kTickMillis[]{5,   10,  25,  50,   100,  150,  250,
                                      400, 600, 800, 1000, 1500, 2000, 4000};
inline constexpr double kPipelineSize[]{1, 10, 50, 100, 500, 1000, 5000, 10000};
inline constexpr double kDrift[]{.001, .005, .01, .05, .1, .25, .5, 1};
inline constexpr double kStaleMillis[]{100, 500, 1000, 5000, 10000, 15000, 30000, 60000};
inline constexpr double kCommands[]{1, 2, 5, 10, 20, 50, 100};

// Redis.
inline constexpr MetricSpec kRedisConnected{
    "capture_redis_connected", Gauge, "Whether the role's connection is up", {"role"}};
inline constexpr MetricSpec kRedisConnections{"capture_redis_connections_total",
                                              Counter,
                                              "Connections made, the first one included",
                                              {"role"}};
inline constexpr MetricSpec kRedisCommands{
    "capture_redis_commands_total",
    Counter,
    "Commands by how they ended; failures count once per batch",
    {"role", "result"}};
inline constexpr MetricSpec kSnapshotAge{
    "capture_limits_snapshot_age_seconds",
    Gauge,
    "Seconds since the facts were last read, -1 before the first time",
    {"snapshot"}};
inline constexpr MetricSpec kRefreshFailures{"capture_limits_refresh_failures_total",
                                             Counter,
                                             "Refreshes that failed; the old facts stay",
                                             {"snapshot"}};

// Known tokens, contract 10 §8.1.
inline constexpr MetricSpec kKnownTokens{
    "capture_known_tokens_verdict", Counter, "Known-token checks by verdict", {"verdict"}};
inline constexpr MetricSpec kMarkerRefresh{
    "capture_known_tokens_marker_refresh", Counter, "Polls of the sweep marker", {"result"}};

// Quotas, §3.
inline constexpr MetricSpec kLoadedTokens{"capture_billing_limits_loaded_tokens",
                                          Gauge,
                                          "Members of a set at its last good refresh",
                                          {"cache_key"}};
inline constexpr MetricSpec kQuotaExceeded{
    "capture_quota_limit_exceeded", Counter, "Events refused by a billing quota", {"resource"}};
inline constexpr MetricSpec kGracePeriod{
    "capture_events_admitted_during_billing_grace_period_total",
    Counter,
    "Events admitted although their token is over quota, in a grace period",
    {"resource"}};

// Overflow, §4 and §5.
inline constexpr MetricSpec kRerouted{
    "capture_events_rerouted_overflow", Counter, "Events sent to an overflow lane", {"reason"}};
inline constexpr MetricSpec kPartitionKeys{
    "partition_limits_key_count", Gauge, "Keys tracked by the token bucket", {"limiter"}};
inline constexpr MetricSpec kCapacityExceeded{"capture_partition_key_capacity_exceeded_total",
                                              Counter, "Events whose key's token bucket was empty"};
inline constexpr MetricSpec kReplayCheck{"capture_pipeline_replay_overflow_check_duration_seconds",
                                         Histogram,
                                         "Look-ups in the replay overflow set",
                                         {},
                                         telemetry::buckets::kFastSeconds};

// Restrictions, §9.
inline constexpr MetricSpec kRestrictionsApplied{"capture_event_restrictions_applied",
                                                 Counter,
                                                 "Matched restriction types, per event",
                                                 {"restriction_type", "pipeline"}};
inline constexpr MetricSpec kRestrictionsRefreshed{
    "capture_event_restrictions_last_refresh_timestamp",
    Gauge,
    "Unix time of the last good refresh",
    {"pipeline"}};
inline constexpr MetricSpec kRestrictionsLoaded{
    "capture_event_restrictions_loaded_count", Gauge, "Restrictions in force", {"pipeline"}};
inline constexpr MetricSpec kRestrictionsTokens{
    "capture_event_restrictions_tokens_count", Gauge, "Tokens with a restriction", {"pipeline"}};
inline constexpr MetricSpec kRestrictionsStale{
    "capture_event_restrictions_stale",
    Gauge,
    "1 once an event met rules too old to apply, 0 after a good refresh",
    {"pipeline"}};
inline constexpr MetricSpec kRestrictionsFetch{"capture_event_restrictions_redis_fetch",
                                               Counter,
                                               "Reads of one restriction type",
                                               {"restriction_type", "result"}};

// What the global rate limiter did to v0 events, §7.6.
inline constexpr MetricSpec kRateLimited{
    "capture_events_rate_limited_token_distinctid",
    Counter,
    "Events over the fleet-wide limit of their token and distinct_id",
    {"reason"}};
inline constexpr MetricSpec kDryRun{
    "capture_global_rate_limiter_dry_run", Counter, "Would-be limits of a dry run", {"key_type"}};
inline constexpr MetricSpec kAlreadyDisabled{
    "capture_global_rate_limiter_already_disabled", Counter,
    "Events whose person processing was off before the check"};

// The rate limiter's engine, §7.7; one scope per limiter.
inline constexpr MetricSpec kEvals{
    "global_rate_limiter_eval_counts_total", Counter, "Evaluations", {"scope", "result"}};
inline constexpr MetricSpec kCacheCounts{"global_rate_limiter_cache_counts_total",
                                         Counter,
                                         "Evaluations by what the cache held",
                                         {"scope", "result"}};
inline constexpr MetricSpec kRecords{"global_rate_limiter_records_total",
                                     Counter,
                                     "Redis keys read and written",
                                     {"scope", "op", "redis_idx"}};
inline constexpr MetricSpec kEngineErrors{"global_rate_limiter_error_total",
                                          Counter,
                                          "Counts and reads lost, by where",
                                          {"scope", "step", "cause", "redis_idx"}};
inline constexpr MetricSpec kPipelineMs{"global_rate_limiter_pipeline_ms",
                                        Histogram,
                                        "Duration of successful Redis commands",
                                        {"scope", "redis_idx"},
                                        kPipelineMillis};
inline constexpr MetricSpec kTickMs{"global_rate_limiter_tick_ms",
                                    Histogram,
                                    "Duration of a tick with work",
                                    {"scope"},
                                    kTickMillis};
inline constexpr MetricSpec kPipelineSizes{"global_rate_limiter_pipeline_size",
                                           Histogram,
                                           "Entities per tick",
                                           {"scope", "op"},
                                           kPipelineSize};
inline constexpr MetricSpec kCommandsPerTick{"global_rate_limiter_commands_per_tick",
                                             Histogram,
                                             "Commands per tick",
                                             {"scope", "op"},
                                             kCommands};
inline constexpr MetricSpec kPendingSync{
    "global_rate_limiter_pending_sync_size", Gauge, "Entities read in the last tick", {"scope"}};
inline constexpr MetricSpec kSyncDeferred{"global_rate_limiter_sync_deferred_size",
                                          Gauge,
                                          "Entities whose read waits for the next tick",
                                          {"scope"}};
inline constexpr MetricSpec kWriteDeferred{"global_rate_limiter_write_deferred_size",
                                           Gauge,
                                           "Counts whose write waits for the next tick",
                                           {"scope"}};
inline constexpr MetricSpec kSyncSkipped{"global_rate_limiter_sync_skipped_total",
                                         Counter,
                                         "Evaluations that needed no read",
                                         {"scope", "reason"}};
inline constexpr MetricSpec kSyncTier{"global_rate_limiter_sync_tier_gauge",
                                      Gauge,
                                      "Entities by how near they are to their threshold",
                                      {"scope", "tier"}};
inline constexpr MetricSpec kTierTransitions{"global_rate_limiter_tier_transitions_total",
                                             Counter,
                                             "Changes of tier at a read",
                                             {"scope", "from", "to"}};
inline constexpr MetricSpec kCacheSize{
    "global_rate_limiter_cache_size", Gauge, "Entities in the local cache", {"scope"}};
inline constexpr MetricSpec kEvictions{"global_rate_limiter_eviction_total",
                                       Counter,
                                       "Entities removed from the local cache",
                                       {"scope", "cause"}};
inline constexpr MetricSpec kEstimateDrift{"global_rate_limiter_estimate_drift",
                                           Histogram,
                                           "How far the local level was from Redis, in thresholds",
                                           {"scope"},
                                           kDrift};
inline constexpr MetricSpec kSyncStaleness{"global_rate_limiter_sync_staleness_ms",
                                           Histogram,
                                           "Age of an estimate when it was replaced",
                                           {"scope"},
                                           kStaleMillis};
inline constexpr MetricSpec kWindowSeconds{
    "global_rate_limiter_window_seconds", Gauge, "The sliding window", {"scope"}};
inline constexpr MetricSpec kOutageSkipped{"global_rate_limiter_outage_limit_skipped_total",
                                           Counter,
                                           "Limits waived by the read-outage guard",
                                           {"scope"}};
inline constexpr MetricSpec kReadFailing{"global_rate_limiter_read_failing_seconds",
                                         Gauge,
                                         "How long every read has been failing",
                                         {"scope", "redis_idx"}};
inline constexpr MetricSpec kThresholdsLoaded{
    "global_rate_limiter_custom_thresholds_loaded", Gauge, "Custom thresholds in force", {"scope"}};
inline constexpr MetricSpec kThresholdsRefreshed{
    "global_rate_limiter_custom_thresholds_last_refresh_timestamp",
    Gauge,
    "Unix time of the last good read of the thresholds",
    {"scope"}};
inline constexpr MetricSpec kThresholdsFetch{"global_rate_limiter_custom_thresholds_fetch_total",
                                             Counter,
                                             "Reads of the custom thresholds",
                                             {"result"}};

}  // namespace metrics

/// Handles that several units share or that are not tied to one unit's configuration. Families are
/// resolved by the unit that knows the label values.
struct Probe {
    explicit Probe(telemetry::Registry& r)
        : registry(r),
          redis_connected(r.gauges(metrics::kRedisConnected)),
          redis_connections(r.counters(metrics::kRedisConnections)),
          redis_commands(r.counters(metrics::kRedisCommands)),
          snapshot_age(r.gauges(metrics::kSnapshotAge)),
          refresh_failures(r.counters(metrics::kRefreshFailures)),
          known_tokens(r.counters(metrics::kKnownTokens)),
          marker_refresh(r.counters(metrics::kMarkerRefresh)),
          loaded_tokens(r.gauges(metrics::kLoadedTokens)),
          quota_exceeded(r.counters(metrics::kQuotaExceeded)),
          grace_period(r.counters(metrics::kGracePeriod)),
          rerouted(r.counters(metrics::kRerouted)),
          partition_keys(r.gauges(metrics::kPartitionKeys)),
          capacity_exceeded(r.counter(metrics::kCapacityExceeded)),
          replay_check(r.histogram(metrics::kReplayCheck)),
          restrictions_applied(r.counters(metrics::kRestrictionsApplied)),
          restrictions_refreshed(r.gauges(metrics::kRestrictionsRefreshed)),
          restrictions_loaded(r.gauges(metrics::kRestrictionsLoaded)),
          restrictions_tokens(r.gauges(metrics::kRestrictionsTokens)),
          restrictions_stale(r.gauges(metrics::kRestrictionsStale)),
          restrictions_fetch(r.counters(metrics::kRestrictionsFetch)),
          rate_limited(r.counters(metrics::kRateLimited)),
          dry_run(r.counters(metrics::kDryRun)),
          already_disabled(r.counter(metrics::kAlreadyDisabled)),
          thresholds_fetch(r.counters(metrics::kThresholdsFetch)) {}

    telemetry::Registry& registry;
    telemetry::GaugeFamily redis_connected;
    telemetry::CounterFamily redis_connections;
    telemetry::CounterFamily redis_commands;
    telemetry::GaugeFamily snapshot_age;
    telemetry::CounterFamily refresh_failures;
    telemetry::CounterFamily known_tokens;
    telemetry::CounterFamily marker_refresh;
    telemetry::GaugeFamily loaded_tokens;
    telemetry::CounterFamily quota_exceeded;
    telemetry::CounterFamily grace_period;
    telemetry::CounterFamily rerouted;
    telemetry::GaugeFamily partition_keys;
    telemetry::Counter capacity_exceeded;
    telemetry::Histogram replay_check;
    telemetry::CounterFamily restrictions_applied;
    telemetry::GaugeFamily restrictions_refreshed;
    telemetry::GaugeFamily restrictions_loaded;
    telemetry::GaugeFamily restrictions_tokens;
    telemetry::GaugeFamily restrictions_stale;
    telemetry::CounterFamily restrictions_fetch;
    telemetry::CounterFamily rate_limited;
    telemetry::CounterFamily dry_run;
    telemetry::Counter already_disabled;
    telemetry::CounterFamily thresholds_fetch;
};

}  // namespace capture::limits
