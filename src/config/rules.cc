// What must hold between variables. Each function is one topic and cites the decision it follows.
#include <algorithm>

#include "config/loading.h"

namespace capture::config {
namespace {

using telemetry::Level;

constexpr std::uint64_t kDevMessageBytes = 20 * 1024 * 1024;

std::string number(std::uint64_t n) {
    return std::to_string(n);
}

/// A role's URL: nothing when unset, an empty text for `none`.
std::optional<std::string> url_of(const Loading& l, std::string_view name) {
    auto const found = l.find(name);
    if (!found) return std::nullopt;
    return found->text == "none" ? "" : found->text;
}

std::string default_store_path(const Loading& l) {
    auto const folder = [&](std::string_view name) {
        auto const found = l.find(name);
        // Relative ones must be ignored (XDG base directory specification).
        return found && found->text.starts_with('/') ? found->text : std::string();
    };
    if (auto const state = folder("XDG_STATE_HOME"); !state.empty())
        return state + "/capture/dev.db";
    if (auto const home = folder("HOME"); !home.empty())
        return home + "/.local/state/capture/dev.db";
    return "capture-dev.db";
}

}  // namespace

/// Decision 23; contract 80 §3.9.
void apply_kafka_tls(Loading& l) {
    constexpr const char* kName = "KAFKA_TLS";
    auto* const slot = l.producer(kIngestion);
    auto const found = l.find(kName);
    if (!slot || !found) return;
    auto const value = parse_value(Kind::Bool, {}, found->text);
    if (!value) {
        l.problem(kName, value.error() + " (producer INGESTION)");
        return;
    }
    auto const protocol = producer_variable(kIngestion, "SECURITY_PROTOCOL");
    auto const verification = producer_variable(kIngestion, "ENABLE_SSL_CERTIFICATE_VERIFICATION");
    std::string const source = std::string(kName) + " (legacy)";
    if (l.is_set(protocol)) return;
    l.used.insert(kName);
    l.legacy_used[kName].push_back(protocol);
    if (!value->flag) return;
    slot->security_protocol = "ssl";
    l.show(protocol, "ssl", source);
    if (!l.is_set(verification)) {
        slot->ssl_certificate_verification = "false";
        l.show(verification, "false", source);
        l.notice(Level::Warn, "KAFKA_TLS=true does not verify the brokers' certificates; set " +
                                  verification + "=true to verify them");
    }
}

/// Contract 80 §3.12; decision 48.
void apply_emergency_switch(Loading& l) {
    constexpr const char* kSwitch = "CAPTURE_ANALYTICS_KAFKA_EMERGENCY_FALLBACK";
    constexpr const char* kHosts = "CAPTURE_ANALYTICS_KAFKA_EMERGENCY_BACKUP_HOSTS";
    constexpr const char* kTls = "CAPTURE_ANALYTICS_KAFKA_EMERGENCY_BACKUP_TLS";
    auto const text = [&](const char* name) {
        auto const found = l.find(name);
        return std::string(found ? trim(found->text) : "");
    };
    if (l.settings().mode == Mode::Logs || text(kSwitch).empty()) return;
    if (text(kSwitch) != "FALLBACK-TO-BACKUP-KAFKA-NOW") {
        l.problem(kSwitch, "only FALLBACK-TO-BACKUP-KAFKA-NOW arms it; unset it otherwise");
        return;
    }
    auto const hosts = text(kHosts);
    auto const tls = text(kTls);
    if (hosts.empty()) l.problem(kHosts, std::string("not set, and ") + kSwitch + " is armed");
    if (!tls.empty() && tls != "true" && tls != "false") l.problem(kTls, "expected true or false");
    auto* const slot = l.producer(kIngestion);
    if (hosts.empty() || !slot) return;

    auto& s = l.settings();
    s.emergency_armed = true;
    slot->brokers = hosts;
    slot->security_protocol = tls == "true" ? "ssl" : "";
    slot->ssl_certificate_verification = tls == "true" ? "false" : "";
    l.show(producer_variable(kIngestion, "METADATA_BROKER_LIST"), hosts, kHosts);
    l.show(producer_variable(kIngestion, "SECURITY_PROTOCOL"), slot->security_protocol, kTls);
    l.show(producer_variable(kIngestion, "ENABLE_SSL_CERTIFICATE_VERIFICATION"),
           slot->ssl_certificate_verification, kTls);
    s.warnings.hosts = hosts;
    s.warnings.tls = tls == "true";
    l.show("CAPTURE_INGESTION_WARNINGS_KAFKA_HOSTS", hosts, kHosts);
    l.show("CAPTURE_INGESTION_WARNINGS_KAFKA_TLS", s.warnings.tls ? "true" : "false", kTls);
    l.notice(Level::Error,
             "The emergency switch is armed: records go to the backup brokers " + hosts);
}

/// Decisions 26, 31, 32.
void apply_dev(Loading& l) {
    auto& s = l.settings();
    if (!l.is_set("CAPTURE_STORE_PATH")) {
        s.store_path = default_store_path(l);
        l.show("CAPTURE_STORE_PATH", s.store_path, "default");
    } else if (s.store_path.empty()) {
        l.problem("CAPTURE_STORE_PATH", "must not be empty");
    }
    if (!s.dev) return;
    if (s.sink == SinkKind::Kafka) s.sink = SinkKind::Store;
    if (!l.is_set("LOG_LEVEL")) s.telemetry.log.human = true;
    for (auto& slot : s.producers) {
        auto const name = producer_variable(slot.slot, "MESSAGE_MAX_BYTES");
        auto* const shown = l.resolved(name);
        if (!shown || shown->source != "default") continue;
        slot.message_max_bytes = kDevMessageBytes;
        l.show(name, number(kDevMessageBytes), "--dev");
    }
}

void apply_machine(Loading& l) {
    auto& server = l.settings().server;
    if (server.workers == 0) {
        server.workers = std::max<std::uint64_t>(1, l.options.machine.cores);
        l.show("CAPTURE_WORKERS", number(server.workers), "machine");
    }
    if (server.memory_budget_mib == 0) {
        server.memory_budget_mib = l.options.machine.default_budget_mib();
        l.show("CAPTURE_MEMORY_BUDGET_MIB", number(server.memory_budget_mib), "machine");
    }
}

/// Decisions 2, 3, 32, 39.
void apply_redis_roles(Loading& l) {
    auto& redis = l.settings().redis;
    bool const main_program = l.settings().mode != Mode::Logs;
    auto const primary = url_of(l, "REDIS_URL");
    if (!primary && main_program && !l.options.dev) {
        l.problem("REDIS_URL",
                  "not set; quotas are read from this Redis. `none` states that there is none");
    }
    if (!primary && l.options.dev) l.show("REDIS_URL", "none", "--dev");
    redis.primary.url = primary.value_or("");
    if (redis.primary.url.empty() || redis.primary.reader_url == "none")
        redis.primary.reader_url.clear();
    if (!main_program) return;
    if (primary && primary->empty()) {
        l.notice(Level::Info, "REDIS_URL is none: quotas and the limits that need it are off");
    }

    auto const fall_back = [&](const char* name, RedisEndpoint& role, const RedisEndpoint& other,
                               const char* other_name) {
        auto const own = url_of(l, name);
        if (!own) {
            role = other;
            if (!other.url.empty())
                l.show(name, redact_url(other.url), std::string(other_name) + " (fall-back)");
            return;
        }
        role.url = *own;
    };
    redis.restrictions.response_timeout_ms = redis.known_tokens.response_timeout_ms =
        redis.primary.response_timeout_ms;
    redis.restrictions.connection_timeout_ms = redis.known_tokens.connection_timeout_ms =
        redis.primary.connection_timeout_ms;
    fall_back("EVENT_RESTRICTIONS_REDIS_URL", redis.restrictions, redis.primary, "REDIS_URL");
    fall_back("KNOWN_TOKENS_REDIS_URL", redis.known_tokens, redis.restrictions,
              "EVENT_RESTRICTIONS_REDIS_URL");
    fall_back("GLOBAL_RATE_LIMIT_REDIS_URL", redis.rate_limit, redis.primary, "REDIS_URL");
    redis.rate_limit_shares_primary = !l.is_set("GLOBAL_RATE_LIMIT_REDIS_URL");
    if (redis.rate_limit_shares_primary) {
        for (const char* name :
             {"GLOBAL_RATE_LIMIT_REDIS_READER_URL", "GLOBAL_RATE_LIMIT_REDIS_RESPONSE_TIMEOUT_MS",
              "GLOBAL_RATE_LIMIT_REDIS_CONNECTION_TIMEOUT_MS"}) {
            if (l.is_set(name)) l.without_effect.insert(name);
        }
    } else if (redis.rate_limit.url.empty() || redis.rate_limit.reader_url == "none") {
        redis.rate_limit.reader_url.clear();
    }
}

/// Decisions 26, 33, and what librdkafka would refuse later with a less helpful text.
void check_producers(Loading& l) {
    auto& s = l.settings();
    for (auto& slot : s.producers) {
        auto const brokers = producer_variable(slot.slot, "METADATA_BROKER_LIST");
        bool const needed = std::ranges::any_of(output_options(), [&](const OutputOption& o) {
            auto const& output = s.outputs.at(o.name);
            return output.producer == slot.slot && (!output.topic.empty() || !o.has_topic);
        });
        if (s.sink != SinkKind::Kafka) {
            for (auto const& name :
                 {brokers, std::string(slot.slot == kIngestion ? "KAFKA_HOSTS" : "")}) {
                if (l.used.contains(name)) l.without_effect.insert(name);
            }
        } else if (needed && trim(slot.brokers).empty()) {
            l.problem(brokers, std::string("no Kafka brokers are given; set it ") +
                                   (slot.slot == kIngestion ? "(or KAFKA_HOSTS) " : "") +
                                   "to host:port,…, or start with --dev to use the embedded store "
                                   "instead of Kafka");
        }
        if (slot.message_timeout_ms != 0 && slot.message_timeout_ms < slot.linger_ms) {
            l.problem(producer_variable(slot.slot, "MESSAGE_TIMEOUT_MS"),
                      "must not be shorter than LINGER_MS (" + number(slot.linger_ms) +
                          ") of producer " + slot.slot);
        }
        if (!slot.idempotence) continue;
        auto const in_flight =
            producer_variable(slot.slot, "MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION");
        if (slot.acks != "all" && slot.acks != "-1") {
            l.problem(producer_variable(slot.slot, "ACKS"),
                      "must be all with ENABLE_IDEMPOTENCE=true");
        }
        if (slot.retries == 0) {
            l.problem(producer_variable(slot.slot, "RETRIES"),
                      "must not be 0 with ENABLE_IDEMPOTENCE=true");
        }
        if (slot.max_in_flight <= 5) continue;
        if (l.resolved(in_flight)->source == "default") {
            slot.max_in_flight = 5;
            l.show(in_flight, "5", "ENABLE_IDEMPOTENCE");
        } else {
            l.problem(in_flight, "must be at most 5 with ENABLE_IDEMPOTENCE=true");
        }
    }
}

/// Contract 20 §6.1; decisions 7, 50.
void check_outputs(Loading& l) {
    auto& s = l.settings();
    if (s.mode == Mode::Logs) return;
    auto const source = [&](const char* output) {
        auto const name = topic_variable(output);
        for (auto const& option : output_options()) {
            if (std::string_view(option.name) != output || l.is_set(name)) continue;
            for (const char* legacy : option.legacy) {
                if (legacy && l.is_set(legacy)) return std::string(legacy);
            }
        }
        return name;
    };
    if (s.outputs.at("AI_MAIN").topic.empty()) l.problem(source("AI_MAIN"), "must not be empty");
    if (s.mode == Mode::Import) {
        for (const char* output : {"AI_OVERFLOW", "ERROR_TRACKING_OVERFLOW"}) {
            if (!s.outputs.at(output).topic.empty()) {
                l.problem(source(output),
                          "must not be set with CAPTURE_MODE=import: imports never overflow");
            }
        }
    }
    if (!s.outputs.completeness_check) {
        l.notice(
            Level::Info,
            "Empty topics are not looked for (CAPTURE_OUTPUTS_COMPLETENESS_CHECK_ENABLED=false)");
        return;
    }
    for (auto const& option : output_options()) {
        if (!option.lane || !s.outputs.at(option.name).topic.empty()) continue;
        l.problem(source(option.name),
                  std::string("output ") + option.lane +
                      " has no topic (CAPTURE_OUTPUTS_COMPLETENESS_CHECK_ENABLED=true)");
    }
}

/// Defaults that upstream set and that no deployment can keep. Contract 40 §3.1, §9.1; decision 31.
void check_recordings(Loading& l) {
    auto& s = l.settings();
    if (s.mode != Mode::Recordings) return;
    auto const topic = topic_variable("SESSION_REPLAY_MAIN");
    if (auto* const shown = l.resolved(topic); shown && shown->source == "default") {
        l.notice(Level::Warn, topic + " is not set: recordings go to the events' topic " +
                                  s.outputs.at("SESSION_REPLAY_MAIN").topic);
    }
    constexpr std::uint64_t kOrdinary = 1'000'000;
    auto const& slot = s.producer_of("SESSION_REPLAY_MAIN");
    if (slot.message_max_bytes <= kOrdinary) {
        l.notice(Level::Warn, "Recordings above " + number(slot.message_max_bytes) +
                                  " bytes are refused, and ordinary ones are larger: raise " +
                                  producer_variable(slot.slot, "MESSAGE_MAX_BYTES") +
                                  " and max.message.bytes of the topic");
    }
}

/// Contract 30 §7.1, §8; 80 §3.7.
void check_limits(Loading& l) {
    auto& s = l.settings();
    if (s.mode == Mode::Logs) return;
    auto& grl = s.rate_limit;
    for (auto* const seconds : {&grl.cache_ttl_secs, &grl.cache_idle_secs}) {
        if (*seconds >= grl.window_secs) continue;
        const char* const name = seconds == &grl.cache_ttl_secs
                                     ? "GLOBAL_RATE_LIMIT_LOCAL_CACHE_TTL_SECS"
                                     : "GLOBAL_RATE_LIMIT_LOCAL_CACHE_IDLE_TIMEOUT_SECS";
        l.notice(Level::Warn, std::string(name) + " is shorter than the window and was raised to " +
                                  number(grl.window_secs));
        *seconds = grl.window_secs;
        l.show(name, number(grl.window_secs), "GLOBAL_RATE_LIMIT_WINDOW_INTERVAL_SECS");
    }

    bool const ai_lane = s.mode == Mode::Events || s.mode == Mode::Ai;
    if (auto* const slot = l.producer(s.outputs.at("AI_MAIN").producer);
        ai_lane && slot && s.ai.max_event_bytes >= slot->message_max_bytes) {
        l.notice(Level::Warn, "AI_MAX_EVENT_BYTES (" + number(s.ai.max_event_bytes) +
                                  ") is not below message.max.bytes (" +
                                  number(slot->message_max_bytes) + ") of producer " + slot->slot +
                                  ": Kafka refuses events that the ceiling lets pass");
    }
    auto const per_second = s.ai.byte_limit_per_second;
    if (ai_lane && per_second > 0 && per_second <= UINT64_MAX / s.ai.byte_limit_window_secs &&
        per_second * s.ai.byte_limit_window_secs < s.ai.max_event_bytes) {
        l.notice(Level::Warn,
                 "AI_BYTE_LIMIT_PER_SECOND allows fewer bytes per window than one event of "
                 "AI_MAX_EVENT_BYTES");
    }

    auto const needs = [&](bool wanted, const RedisEndpoint& role, const char* what) {
        if (wanted && role.url.empty())
            l.notice(Level::Warn,
                     std::string(what) + " needs a Redis and is off: its role has none");
    };
    auto const shares = [&](bool wanted, const char* name, const char* what) {
        if (wanted && !l.is_set(name) && !s.redis.primary.url.empty()) {
            l.notice(Level::Info, std::string(name) + " is not set: " + what + " uses REDIS_URL");
        }
    };
    needs(s.restrictions.enabled, s.redis.restrictions, "EVENT_RESTRICTIONS_ENABLED");
    needs(grl.enabled && ai_lane, s.redis.rate_limit, "GLOBAL_RATE_LIMIT_ENABLED");
    needs(per_second > 0 && ai_lane, s.redis.rate_limit, "AI_BYTE_LIMIT_PER_SECOND");
    needs(s.known_tokens.mode != TokenValidation::Off, s.redis.known_tokens,
          "TOKEN_VALIDATION_MODE");
    needs(!grl.custom_threshold_key.empty() && grl.enabled && ai_lane, s.redis.restrictions,
          "GLOBAL_RATE_LIMIT_CUSTOM_THRESHOLD_KEY");
    shares(s.restrictions.enabled, "EVENT_RESTRICTIONS_REDIS_URL", "event restrictions");
    shares((grl.enabled || per_second > 0) && ai_lane, "GLOBAL_RATE_LIMIT_REDIS_URL",
           "the global rate limiter");
    if (s.warnings.enabled && (trim(s.warnings.hosts).empty() || trim(s.warnings.topic).empty())) {
        l.notice(Level::Warn,
                 "CAPTURE_INGESTION_WARNINGS_ENABLED needs CAPTURE_INGESTION_WARNINGS_KAFKA_HOSTS "
                 "and _TOPIC; "
                 "ingestion warnings are off");
    }
}

}  // namespace capture::config
