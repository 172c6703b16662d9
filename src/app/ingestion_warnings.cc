#include "app/ingestion_warnings.h"

#include "config/value.h"
#include "pipeline/probe.h"

namespace capture::app {
namespace {

constexpr std::string_view kTarget = "capture::warnings";
constexpr const char* kSlot = "INGESTION_WARNINGS";

/// Records are charged with their overhead, so this is used up before the client's own count of
/// bytes.
std::size_t queue_bytes(const config::WarningsSettings& settings) {
    return std::size_t{settings.queue_mib} * 1024 * 1024;
}

}  // namespace

config::ProducerSettings warnings_policy(const config::WarningsSettings& settings) {
    config::ProducerSettings producer;
    producer.slot = kSlot;
    producer.brokers = settings.hosts;
    if (settings.tls) {
        producer.security_protocol = "ssl";
        producer.ssl_certificate_verification = "false";
    }
    producer.client_id = "capture-ingestion-warnings";
    producer.acks = "1";
    producer.retries = 0;
    producer.linger_ms = 100;
    producer.queue_max_messages = 10'000;
    producer.queue_max_kbytes = std::uint64_t{settings.queue_mib} * 1024;
    producer.message_max_bytes = settings.message_max_bytes;
    producer.message_timeout_ms = 5'000;
    return producer;
}

std::expected<std::unique_ptr<sink::KafkaSink>, std::string> warnings_producer(
    const config::WarningsSettings& settings, telemetry::Registry& registry, telemetry::Logger& log,
    const base::Clock& clock) {
    config::OutputsSettings outputs;
    outputs.by_name[model::name(model::Output::ClientWarnings)] = {.topic = settings.topic,
                                                                   .producer = kSlot};
    outputs.by_name[model::name(model::Output::Custom)] = {.topic = "", .producer = kSlot};
    // Statistics would have no reader, and nobody waits longer for the last warnings.
    sink::KafkaOptions const options{.statistics_interval = std::chrono::milliseconds(0),
                                     .drain_limit = std::chrono::milliseconds(500),
                                     .destroy_limit = std::chrono::milliseconds(500)};
    auto sink = sink::KafkaSink::create(sink::OutputTable(outputs), {warnings_policy(settings)},
                                        registry, log, clock, {}, options);
    if (!sink) return std::unexpected(std::move(sink.error().front()));
    return std::move(*sink);
}

IngestionWarnings::IngestionWarnings(const config::Settings& settings, sink::StoreSink* store,
                                     telemetry::Registry& registry, telemetry::Logger& log,
                                     const base::Clock& clock, telemetry::Health& health) {
    if (!settings.warnings.enabled) return;
    const char* const reason = start(settings, store, registry, log, clock);
    registry.gauges(pipeline::kWarningsEnabled).with({reason}).set(warnings_.enabled() ? 1 : 0);
    if (!warnings_.enabled()) return;
    component_ = health.add(
        {.name = "ingestion-warnings", .deadline = std::chrono::seconds(30), .advisory = true});
    heartbeat();
}

/// The reason label of the gauge. Unset hosts or topics were noticed when the configuration was
/// read.
const char* IngestionWarnings::start(const config::Settings& settings, sink::StoreSink* store,
                                     telemetry::Registry& registry, telemetry::Logger& log,
                                     const base::Clock& clock) {
    auto const& wanted = settings.warnings;
    if (store) {
        warnings_ = pipeline::Warnings(store->uncounted(), queue_bytes(wanted), registry, clock);
        return "ok";
    }
    if (config::trim(wanted.hosts).empty()) return "hosts_unset";
    if (config::trim(wanted.topic).empty()) return "topic_unset";
    auto producer = warnings_producer(wanted, producer_registry_, log, clock);
    if (!producer) {
        log.warn(kTarget, "The producer cannot be made: ingestion warnings are off",
                 {{"error", producer.error()}});
        return "producer_create_failed";
    }
    warnings_ = pipeline::Warnings(std::move(*producer), queue_bytes(wanted), registry, clock);
    return "ok";
}

void IngestionWarnings::stop() {
    warnings_.flush(kFlushLimit);
    component_.complete();
}

}  // namespace capture::app
