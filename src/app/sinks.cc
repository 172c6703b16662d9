#include "app/sinks.h"

#include "sink/kafka/kafka_sink.h"
#include "sink/noop.h"
#include "sink/print.h"

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
            sink::StoreOptions options;
            for (std::size_t i = 0; i < model::kOutputCount; ++i) {
                auto const& producer = settings.producer_of(model::kOutputNames[i]);
                options.message_max_bytes[i] = producer.message_max_bytes;
            }
            auto store =
                sink::StoreSink::open(settings.store_path, outputs, registry, log, clock, options);
            if (!store) return std::unexpected(std::vector{"CAPTURE_STORE_PATH: " + store.error()});
            sinks->store_ = store->get();
            sinks->root_ = std::move(*store);
            break;
        }
        case config::SinkKind::Kafka: {
            auto const slots = outputs.slots();
            for (const std::string& slot : slots) {
                std::string const name = slots.size() == 1 ? "kafka-sink" : "kafka-sink-" + slot;
                sinks->components_.emplace(slot,
                                           health.add({.name = name, .deadline = kKafkaDeadline}));
            }
            auto kafka = sink::KafkaSink::create(
                outputs, settings.producers, registry, log, clock,
                [&components = sinks->components_](std::string_view slot, bool healthy) {
                    auto const found = components.find(slot);
                    if (healthy && found != components.end()) found->second.report_healthy();
                });
            if (!kafka) return std::unexpected(std::move(kafka.error()));
            sinks->kafka_ = kafka->get();
            sinks->root_ = std::move(*kafka);
            break;
        }
    }
    return sinks;
}

void Sinks::probe() {
    if (kafka_) kafka_->probe(kBootProbe);
}

void Sinks::complete() {
    for (auto& [slot, component] : components_)
        component.complete();
}

}  // namespace capture::app
