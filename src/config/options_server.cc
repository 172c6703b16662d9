#include "config/options.h"

namespace capture::config {
namespace {

using S = Settings;
using V = Value;

Mode mode_of(const std::string& word) {
    if (word == "recordings") return Mode::Recordings;
    if (word == "ai") return Mode::Ai;
    if (word == "import") return Mode::Import;
    return word == "logs" ? Mode::Logs : Mode::Events;
}

constexpr Option kServer[]{
    {.name = "CAPTURE_MODE",
     .kind = Kind::Word,
     .initial = "events",
     .help = "which routes are served; also the value of the metric label capture_mode",
     .modes = kAll,
     .limits = {.words = "events|recordings|ai|import|logs"},
     .store = [](S& s, const V& v) { s.mode = mode_of(v.text); }},
    {.name = "ADDRESS",
     .kind = Kind::Address,
     .initial = "127.0.0.1:3000",
     .help = "listen address; 0.0.0.0:3000 to be reachable from elsewhere",
     .store = [](S& s, const V& v) { s.server.address = v.text; }},
    {.name = "CAPTURE_WORKERS",
     .kind = Kind::Unsigned,
     .initial = "0",
     .fallback = "one per core that the process may use",
     .help = "worker threads",
     .modes = kAll,
     .limits = {.max = 1024},
     .store = [](S& s, const V& v) { s.server.workers = v.number; }},
    {.name = "CAPTURE_MEMORY_BUDGET_MIB",
     .kind = Kind::Unsigned,
     .initial = "0",
     .fallback = "half of the machine's or container's memory, at least 64",
     .help =
         "memory for requests in flight, all workers together; beyond it requests are answered 503",
     .modes = kAll,
     .limits = {.max = 1 << 24},
     .store = [](S& s, const V& v) { s.server.memory_budget_mib = v.number; }},
    {.name = "CONCURRENCY_LIMIT",
     .kind = Kind::Unsigned,
     .fallback = "no limit",
     .help = "ingestion requests that run at once; more wait",
     .limits = {.min = 1},
     .store = [](S& s, const V& v) { s.server.concurrency_limit = v.optional_number(); }},
    {.name = "HTTP1_HEADER_READ_TIMEOUT_MS",
     .kind = Kind::Duration,
     .fallback = "no limit",
     .help = "a connection whose request headers are not complete in time is closed",
     .limits = {.min = 1},
     .store = [](S& s, const V& v) { s.server.header_read_timeout_ms = v.optional_number(); }},
    {.name = "BODY_CHUNK_READ_TIMEOUT_MS",
     .kind = Kind::Duration,
     .fallback = "no limit",
     .help = "longest pause between two pieces of a request body; then the answer is 408",
     .limits = {.min = 1},
     .store = [](S& s, const V& v) { s.server.body_chunk_read_timeout_ms = v.optional_number(); }},
    {.name = "BODY_READ_CHUNK_SIZE_KB",
     .kind = Kind::Unsigned,
     .initial = "256",
     .help = "first body buffer in KiB",
     .limits = {.max = 1 << 20},
     .store = [](S& s, const V& v) { s.server.body_read_chunk_size_kb = v.number; }},
    {.name = "EXPORT_PROMETHEUS",
     .kind = Kind::Bool,
     .initial = "true",
     .help = "serve /metrics",
     .store = [](S& s, const V& v) { s.server.export_prometheus = v.flag; }},
    {.name = "IS_MIRROR_DEPLOY",
     .kind = Kind::Bool,
     .initial = "false",
     .help = "marks the logs of a mirror",
     .store = [](S& s, const V& v) { s.server.mirror = v.flag; }},
    {.name = "PRINT_SINK",
     .kind = Kind::Bool,
     .initial = "false",
     .help = "records go to the log and nowhere else; needs no Kafka",
     .store =
         [](S& s, const V& v) {
             if (v.flag) s.sink = SinkKind::Print;
         }},
    {.name = "NOOP_SINK",
     .kind = Kind::Bool,
     .initial = "false",
     .help = "records are counted and discarded; needs no Kafka",
     .store =
         [](S& s, const V& v) {
             if (v.flag && s.sink != SinkKind::Print) s.sink = SinkKind::Noop;
         }},
    {.name = "CAPTURE_STORE_PATH",
     .fallback = "$XDG_STATE_HOME/capture/dev.db, else ~/.local/state/capture/dev.db, else "
                 "./capture-dev.db",
     .help = "file of the embedded store that --dev writes and `capture tail` reads",
     .store = [](S& s, const V& v) { s.store_path = v.text; }},
    {.name = "CAPTURE_OUTPUTS_COMPLETENESS_CHECK_ENABLED",
     .kind = Kind::Bool,
     .initial = "false",
     .help = "refuse to start when a required output has an empty topic",
     .section = Section::Kafka,
     .store = [](S& s, const V& v) { s.outputs.completeness_check = v.flag; }},
    {.name = "KAFKA_REPLAY_ENVELOPE_COMPRESSION",
     .kind = Kind::Word,
     .initial = "none",
     .help = "compresses the value of recording records",
     .section = Section::Kafka,
     .modes = in(Mode::Recordings),
     .limits = {.words = "none|lz4"},
     .store = [](S& s, const V& v) { s.outputs.replay_envelope_lz4 = v.text == "lz4"; }},
    {.name = "CAPTURE_INGESTION_WARNINGS_ENABLED",
     .kind = Kind::Bool,
     .initial = "false",
     .help = "report refused and altered events to the projects they belong to",
     .section = Section::Warnings,
     .store = [](S& s, const V& v) { s.warnings.enabled = v.flag; }},
    {.name = "CAPTURE_INGESTION_WARNINGS_KAFKA_HOSTS",
     .initial = "",
     .help = "brokers for warnings; both hosts and topic are needed",
     .section = Section::Warnings,
     .store = [](S& s, const V& v) { s.warnings.hosts = v.text; }},
    {.name = "CAPTURE_INGESTION_WARNINGS_KAFKA_TOPIC",
     .initial = "",
     .help = "topic of warnings",
     .section = Section::Warnings,
     .store = [](S& s, const V& v) { s.warnings.topic = v.text; }},
    {.name = "CAPTURE_INGESTION_WARNINGS_KAFKA_TLS",
     .kind = Kind::Bool,
     .initial = "false",
     .help = "TLS to those brokers",
     .section = Section::Warnings,
     .store = [](S& s, const V& v) { s.warnings.tls = v.flag; }},
    {.name = "CAPTURE_INGESTION_WARNINGS_KAFKA_QUEUE_MIB",
     .kind = Kind::Unsigned,
     .initial = "16",
     .help = "queue of the warnings producer",
     .section = Section::Warnings,
     .limits = {.min = 1, .max = 2'097'151},
     .store = [](S& s,
                 const V& v) { s.warnings.queue_mib = static_cast<std::uint32_t>(v.number); }},
    {.name = "CAPTURE_INGESTION_WARNINGS_KAFKA_MESSAGE_MAX_BYTES",
     .kind = Kind::Unsigned,
     .initial = "1048576",
     .help = "largest warning record",
     .section = Section::Warnings,
     .limits = {.min = 1'000, .max = 1'000'000'000},
     .store =
         [](S& s, const V& v) {
             s.warnings.message_max_bytes = static_cast<std::uint32_t>(v.number);
         }},
    // The emergency switch is taken over as a whole, in rules.cc.
    {.name = "CAPTURE_ANALYTICS_KAFKA_EMERGENCY_FALLBACK",
     .help = "FALLBACK-TO-BACKUP-KAFKA-NOW moves the producer INGESTION and the warnings to the "
             "backup brokers",
     .section = Section::Emergency,
     .store = [](S&, const V&) {}},
    {.name = "CAPTURE_ANALYTICS_KAFKA_EMERGENCY_BACKUP_HOSTS",
     .help = "the backup brokers; must be set when the switch is armed",
     .section = Section::Emergency,
     .store = [](S&, const V&) {}},
    {.name = "CAPTURE_ANALYTICS_KAFKA_EMERGENCY_BACKUP_TLS",
     .initial = "false",
     .help = "TLS to them; true or false",
     .section = Section::Emergency,
     .store = [](S&, const V&) {}},
    {.name = "LOG_LEVEL",
     .kind = Kind::Level,
     .initial = "info",
     .help = "`debug` switches the log to coloured text; what is logged is decided by RUST_LOG",
     .section = Section::Telemetry,
     .modes = kAll,
     .store = [](S& s, const V& v) { s.telemetry.log.human = v.text == "debug"; }},
    {.name = "RUST_LOG",
     .initial = "info",
     .help = "what is logged: `level` and `target=level`, comma-separated, the longest target wins",
     .section = Section::Telemetry,
     .modes = kAll,
     .store = [](S& s, const V& v) { s.telemetry.log.filter = v.text; }},
    {.name = "NO_COLOR",
     .help = "any text but the empty one turns colours off",
     .section = Section::Telemetry,
     .modes = kAll,
     .store = [](S& s, const V& v) { s.telemetry.log.colours = v.text.empty(); }},
    {.name = "VERBOSE_SAMPLE_PERCENT",
     .kind = Kind::Float,
     .initial = "0.0",
     .help = "share of requests, 0 to 100, that are logged in detail",
     .section = Section::Telemetry,
     .limits = {.max = 100},
     .store = [](S& s, const V& v) { s.telemetry.verbose_sample_percent = v.real; }},
    {.name = "OTEL_SERVICE_NAME",
     .initial = "capture",
     .help = "the value of the metric label role",
     .section = Section::Telemetry,
     .modes = kAll,
     .store = [](S& s, const V& v) { s.telemetry.service_name = v.text; }},
    {.name = "HOSTNAME",
     .initial = "unknown",
     .help = "the field pod of every log line",
     .section = Section::Telemetry,
     .modes = kAll,
     .store = [](S& s, const V& v) { s.telemetry.log.pod = v.text; }},
};

/// Known to upstream, or planned here, and without effect: a set one is named in one warning at
/// start (decision 45).
constexpr Option retired(const char* name, const char* help, Modes modes = kMain) {
    return {.name = name, .help = help, .section = Section::Retired, .modes = modes};
}
constexpr Option hidden(const char* name, const char* help) {
    return {.name = name, .help = help, .section = Section::Retired, .secret = true};
}
constexpr Option kRetired[]{
    retired("REQUEST_TIMEOUT_SECONDS", "whole-request timeout of older versions"),
    retired("ADDRESS_OTEL", "second listen address"),
    retired("HISTORICAL_TOKENS_KEYS", "older versions"),
    retired("CAPTURE_VERIFY_TOPICS_ON_BOOT", "topics are not looked for at start"),
    retired("CAPTURE_V1_SINKS", "v1 publishes through the outputs"),
    retired("CAPTURE_V1_MAX_COMPRESSED_BODY_BYTES", "v1 surface"),
    retired("CAPTURE_V1_MAX_DECOMPRESSED_BODY_BYTES", "v1 surface"),
    retired("CAPTURE_V1_SCATTER_GATHER_MIN_BATCH", "v1 surface"),
    retired("S3_FALLBACK_ENABLED", "fallback to S3"),
    retired("S3_FALLBACK_BUCKET", "fallback to S3"),
    retired("S3_FALLBACK_ENDPOINT", "fallback to S3"),
    retired("S3_FALLBACK_PREFIX", "fallback to S3"),
    retired("CAPTURE_KAFKA_MANAGER_URL", "health reporter"),
    retired("OTEL_URL", "span export", kAll),
    retired("OTEL_SAMPLING_RATE", "span export", kAll),
    retired("CONTINUOUS_PROFILING_ENABLED", "profiling", kAll),
    retired("CONTINUOUS_PROFILING_MEMORY_ENABLED", "profiling", kAll),
    retired("PYROSCOPE_SERVER_ADDRESS", "profiling", kAll),
    retired("PYROSCOPE_APPLICATION_NAME", "profiling", kAll),
    retired("PYROSCOPE_SAMPLE_RATE", "profiling", kAll),
    retired("GLOBAL_RATE_LIMIT_TOKEN_THRESHOLD", "limiter per token, never wired upstream"),
    retired("GLOBAL_RATE_LIMIT_TOKEN_OVERRIDES_CSV", "limiter per token, never wired upstream"),
    retired("GLOBAL_RATE_LIMIT_TOKEN_LOCAL_CACHE_MAX_ENTRIES",
            "limiter per token, never wired upstream"),
    retired("AI_MAX_SUM_OF_PARTS_BYTES", "AI multipart surface"),
    retired("AI_S3_BUCKET", "blob storage of older versions"),
    retired("AI_S3_PREFIX", "blob storage of older versions"),
    retired("AI_S3_ENDPOINT", "blob storage of older versions"),
    retired("AI_S3_REGION", "blob storage of older versions"),
    hidden("AI_S3_ACCESS_KEY_ID", "blob storage of older versions"),
    hidden("AI_S3_SECRET_ACCESS_KEY", "blob storage of older versions"),
    retired("AI_SINK_MODE", "roll-out switch of older versions"),
    retired("AI_SECONDARY_ALLOWLIST_TOKENS", "roll-out switch of older versions"),
    retired("AI_SECONDARY_KAFKA_HOSTS", "roll-out switch of older versions"),
    retired("AI_SECONDARY_KAFKA_TOPIC", "roll-out switch of older versions"),
    retired("AI_SECONDARY_KAFKA_TLS", "roll-out switch of older versions"),
    retired("AI_SECONDARY_KAFKA_CLIENT_ID", "roll-out switch of older versions"),
    retired("CAPTURE_ANALYTICS_AI_EVENTS_MODE", "roll-out switch of older versions"),
    retired("CAPTURE_ANALYTICS_AI_EVENTS_ALLOWLIST_TOKENS", "roll-out switch of older versions"),
    retired("CAPTURE_ANALYTICS_AI_EVENTS_PERCENTAGE", "roll-out switch of older versions"),
    hidden("TOKEN_VALIDATION_DATABASE_URL", "an upstream proposal"),
    retired("TOKEN_VALIDATION_CACHE_CAPACITY", "an upstream proposal"),
    retired("TOKEN_VALIDATION_CACHE_TTL_SECS", "an upstream proposal"),
    retired("TOKEN_VALIDATION_NEGATIVE_CACHE_TTL_SECS", "an upstream proposal"),
};

constexpr const char* kRetiredPrefixes[]{"CAPTURE_V1_SINK_", "K8S_"};

}  // namespace

std::span<const Option> server_options() {
    return kServer;
}
std::span<const Option> retired_options() {
    return kRetired;
}
std::span<const char* const> retired_prefixes() {
    return kRetiredPrefixes;
}

const char* title(Section section) {
    switch (section) {
        case Section::Server:
            return "Server";
        case Section::Kafka:
            return "Kafka";
        case Section::Redis:
            return "Redis";
        case Section::Tokens:
            return "Token check";
        case Section::Overflow:
            return "Dropping, overflow, history";
        case Section::RateLimit:
            return "Global rate limiter";
        case Section::Restrictions:
            return "Event restrictions";
        case Section::Ai:
            return "AI events";
        case Section::Warnings:
            return "Ingestion warnings";
        case Section::Emergency:
            return "Emergency switch";
        case Section::Telemetry:
            return "Logs and metrics";
        case Section::Logs:
            return "Log, trace and metric ingestion (CAPTURE_MODE=logs)";
        case Section::Retired:
            return "Accepted without effect";
    }
    return "";
}

const char* to_text(Mode mode) {
    constexpr const char* kTexts[]{"events", "recordings", "ai", "import", "logs"};
    return kTexts[static_cast<std::size_t>(mode)];
}

}  // namespace capture::config
