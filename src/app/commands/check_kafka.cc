#include <algorithm>

#include "app/commands/check.h"
#include "base/clock.h"
#include "sink/kafka/kafka_sink.h"
#include "sink/outputs.h"

namespace capture::app {
namespace {

constexpr std::chrono::seconds kLimit{10};

std::string brokers_variable(const std::string& slot) {
    return "KAFKA_" + slot + "_PRODUCER_METADATA_BROKER_LIST";
}

}  // namespace

std::vector<Finding> check_kafka(const config::Settings& settings) {
    // Producers without brokers are a problem of the configuration, said already.
    auto outputs = settings.outputs;
    std::vector<config::ProducerSettings> producers;
    for (auto const& producer : settings.producers) {
        if (!producer.brokers.empty()) producers.push_back(producer);
    }
    for (auto entry = outputs.by_name.begin(); entry != outputs.by_name.end(); ++entry) {
        bool const known = std::ranges::any_of(producers, [&](const config::ProducerSettings& p) {
            return p.slot == entry->second.producer;
        });
        if (!known && !producers.empty()) entry->second.producer = producers.front().slot;
    }
    if (producers.empty()) return {};

    std::vector<Finding> findings;
    base::SystemClock const clock;
    telemetry::Registry registry("", "");
    sink::OutputTable const table(outputs);
    auto sink =
        sink::KafkaSink::create(table, producers, registry, telemetry::Logger::silent(), clock, {});
    if (!sink) {
        for (auto const& problem : sink.error())
            findings.push_back({"Kafka", problem, false});
        return findings;
    }
    for (auto const& result : (*sink)->probe(kLimit)) {
        auto const at = std::ranges::find(producers, result.slot, &config::ProducerSettings::slot);
        std::string const brokers = at == producers.end() ? "" : at->brokers;
        bool const ok = result.error.empty();
        findings.push_back({brokers_variable(result.slot),
                            brokers + (ok ? " answers" : " cannot be reached: " + result.error),
                            ok});
    }
    return findings;
}

}  // namespace capture::app
