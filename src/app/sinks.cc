#include "app/sinks.h"

#include "sink/kafka/kafka_sink.h"
#include "sink/noop.h"
#include "sink/print.h"
#include "sink/store/store_sink.h"

namespace capture::app {
namespace {

constexpr std::chrono::seconds kBootProbe{10};
constexpr std::chrono::seconds kKafkaDeadline{30};

}  // namespace

std::expected<std::unique_ptr<Sinks>, std::vector<std::string>> Sinks::create(
    const config::Settings& settings, const sink::OutputTable& outputs,
    telemetry::Registry& registry, telemetry::Logger& log, const base::Clock& clock,
    telemetry::Health& health) {
    auto sinks = std::make_unique<Sinks>();
    switch (settings.sink) {
        case config::SinkKind::Print:
            sinks->root_ = std::make_unique<sink::PrintSink>(outputs, registry, log);
            break;
        case config::SinkKind::Noop:
            sinks->root_ = std::make_unique<sink::NoopSink>(registry, log);
            break;
        case config::SinkKind::Store: {
            auto store = sink::StoreSink::open(settings.store_path, outputs, registry, log, clock);
            if (!store) return std::unexpected(std::vector{"CAPTURE_STORE_PATH: " + store.error()});
            sinks->root_ = std::move(*store);
            break;
        }
        case config::SinkKind::Kafka: {
            sinks->kafka_ = health.add({.name = "kafka-sink", .deadline = kKafkaDeadline});
            sinks->has_component_ = true;
            auto kafka = sink::KafkaSink::create(
                outputs, settings.producers, registry, log, clock,
                [component = &sinks->kafka_](std::string_view, bool healthy) {
                    if (healthy) component->report_healthy();
                });
            if (!kafka) return std::unexpected(std::move(kafka.error()));
            (*kafka)->probe(kBootProbe);
            sinks->root_ = std::move(*kafka);
            break;
        }
    }
    return sinks;
}

void Sinks::complete() {
    if (has_component_) kafka_.complete();
}

}  // namespace capture::app
