// The typed configuration: one struct per concern, filled once at start from the environment
// (options.h declares every variable: names of both generations, type, default, help). Immutable
// afterwards; any thread. Contract 80 §3.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "telemetry/log.h"

namespace capture::config {

enum class Mode : std::uint8_t { Events, Recordings, Ai, Import, Logs };
const char* to_text(Mode mode);

struct ServerSettings {
    std::string address = "127.0.0.1:3000";
    bool export_prometheus = true;
    std::optional<std::uint64_t> concurrency_limit;
    std::optional<std::uint64_t> header_read_timeout_ms;
    std::optional<std::uint64_t> body_chunk_read_timeout_ms;
    std::uint64_t body_read_chunk_size_kb = 256;
    bool mirror = false;
    // Ours, not upstream's:
    std::uint64_t workers = 0;  ///< CAPTURE_WORKERS; after loading never 0
    std::uint64_t memory_budget_mib =
        0;  ///< CAPTURE_MEMORY_BUDGET_MIB, all workers together; after loading never 0
};

/// One producer slot: KAFKA_<SLOT>_PRODUCER_*. Contract 20 §6.2.
struct ProducerSettings {
    std::string slot = "INGESTION";
    std::string brokers;  ///< bootstrap.servers; empty = none given
    std::string security_protocol;
    std::string ssl_certificate_verification;  ///< "", "true", "false"
    std::string client_id;
    std::string compression_codec = "none";
    std::uint64_t linger_ms = 20;
    std::uint64_t batch_size = 1'000'000;
    std::uint64_t batch_num_messages = 10'000;
    std::uint64_t queue_max_messages = 100'000;
    std::uint64_t queue_max_kbytes = 409'600;
    std::uint64_t message_max_bytes = 1'000'000;
    std::uint64_t message_timeout_ms = 20'000;
    std::uint64_t sticky_partitioning_linger_ms = 10;
    std::uint64_t topic_metadata_refresh_interval_ms = 20'000;
    std::uint64_t metadata_max_age_ms = 60'000;
    std::uint64_t retries = 2;
    std::uint64_t max_in_flight = 1'000'000;
    bool idempotence = false;
    std::string acks = "all";
    std::string partitioner = "murmur2_random";
    std::uint64_t socket_timeout_ms = 60'000;
    std::string broker_address_family;
    bool log_connection_close = true;
    std::uint64_t retry_backoff_max_ms = 1'000;
    std::uint64_t socket_send_buffer_bytes = 0;
    std::uint64_t socket_receive_buffer_bytes = 0;
};

/// Where an output's records go: a topic (empty = output not configured) and a producer slot.
struct OutputSettings {
    std::string topic;
    std::string producer = "INGESTION";
};

/// Topics and slots by output name as in the variables (ANALYTICS_MAIN, …); see model/output.h for
/// the enum.
struct OutputsSettings {
    std::map<std::string, OutputSettings> by_name;
    bool completeness_check = false;
    bool replay_envelope_lz4 = false;
    const OutputSettings& at(const std::string& name) const { return by_name.at(name); }
};

struct RedisEndpoint {
    std::string url;  ///< empty = the role is off
    std::string reader_url;
    std::uint64_t response_timeout_ms = 100;
    std::uint64_t connection_timeout_ms = 5'000;
};

/// Roles after the fall-backs of contract 30 §2 have been applied.
struct RedisSettings {
    RedisEndpoint primary;
    RedisEndpoint rate_limit;
    RedisEndpoint restrictions;
    RedisEndpoint known_tokens;
    bool rate_limit_shares_primary = true;
    std::string key_prefix;
};

enum class TokenValidation : std::uint8_t { Off, DryRun, Enforce };

struct KnownTokensSettings {
    TokenValidation mode = TokenValidation::Off;
    std::uint64_t lookup_timeout_ms = 50;
    std::uint64_t known_ttl_secs = 600;
    std::uint64_t unknown_ttl_secs = 60;
    std::uint64_t cache_max_entries = 100'000;
    std::uint64_t marker_refresh_secs = 30;
    std::uint64_t marker_max_age_secs = 3'600;
};

struct OverflowSettings {
    bool enabled = false;
    std::uint32_t per_second = 100;
    std::uint32_t burst = 1'000;
    bool analytics_bucket = true;
    bool preserve_locality = false;
    std::string forced_keys;  ///< comma list; empty = none
};

struct RateLimitSettings {
    bool enabled = false;
    bool dry_run = false;
    std::uint64_t window_secs = 60;
    std::uint64_t sync_interval_secs = 15;
    std::uint64_t tick_interval_ms = 1'000;
    std::uint64_t threshold = 300'000;
    std::string overrides_csv;
    std::uint64_t cache_max_entries = 5'000'000;
    std::uint64_t min_sync_floor = 10;
    std::uint64_t max_sync_keys_per_tick = 20'000;
    std::uint64_t max_keys_per_command = 2'000;
    std::uint64_t max_concurrent_commands = 4;
    std::uint64_t max_write_batch_entries = 200'000;
    std::uint64_t max_pending_sync_entries = 200'000;
    std::uint64_t cache_ttl_secs = 600;
    std::uint64_t cache_idle_secs = 300;
    std::uint64_t read_timeout_ms = 250;
    std::uint64_t write_timeout_ms = 250;
    std::uint64_t max_read_outage_secs = 60;
    std::string custom_threshold_key;
    std::uint64_t custom_threshold_refresh_secs = 60;
};

struct AiSettings {
    std::uint64_t max_event_bytes = 8'388'608;
    std::uint64_t max_sum_of_parts_bytes = 26'214'400;
    bool lane_by_prefix = false;  ///< CAPTURE_AI_LANE_PREDICATE
    std::uint64_t byte_limit_per_second = 0;
    std::string byte_limit_overrides_csv;
    bool byte_limit_dry_run = false;
    std::uint64_t byte_limit_window_secs = 60;
    std::uint64_t byte_limit_cache_max_entries = 300'000;
    std::string gateway_signing_secret;
};

struct RestrictionsSettings {
    bool enabled = false;
    std::uint64_t refresh_secs = 30;
    std::uint64_t fail_open_after_secs = 300;
};

struct HistoricalSettings {
    bool reroute = false;
    std::int64_t threshold_days = 1;
};

struct WarningsSettings {
    bool enabled = false;
    std::string hosts;
    std::string topic;
    bool tls = false;
    std::uint32_t queue_mib = 16;
    std::uint32_t message_max_bytes = 1'048'576;
};

struct TelemetrySettings {
    std::string service_name = "capture";
    telemetry::LogOptions log;
    double verbose_sample_percent = 0;
};

enum class SinkKind : std::uint8_t { Kafka, Store, Print, Noop };

struct Settings {
    Mode mode = Mode::Events;
    bool dev = false;  ///< --dev: embedded store, no Kafka, no Redis, SDK bootstrap answers
    bool emergency_armed =
        false;  ///< INGESTION and the warnings use the backup brokers (contract 80 §3.12)
    SinkKind sink = SinkKind::Kafka;
    std::string store_path;  ///< file of the embedded store (CAPTURE_STORE_PATH)
    ServerSettings server;
    std::vector<ProducerSettings> producers;  ///< declared slots, in order
    OutputsSettings outputs;
    RedisSettings redis;
    KnownTokensSettings known_tokens;
    std::string dropped_keys;  ///< DROP_EVENTS_BY_TOKEN_DISTINCT_ID
    OverflowSettings overflow;
    RateLimitSettings rate_limit;
    AiSettings ai;
    RestrictionsSettings restrictions;
    HistoricalSettings historical;
    WarningsSettings warnings;
    TelemetrySettings telemetry;

    /// Whether /s is served: in its own mode, and beside the events of `capture --dev`.
    bool serves_replay() const { return mode == Mode::Recordings || (dev && mode == Mode::Events); }
    /// The slot that an output's records leave by.
    const ProducerSettings& producer_of(const std::string& output) const {
        auto const slot =
            std::ranges::find(producers, outputs.at(output).producer, &ProducerSettings::slot);
        return slot == producers.end() ? producers.front() : *slot;
    }
};

}  // namespace capture::config
