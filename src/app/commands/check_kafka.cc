#include <algorithm>

#include "app/commands/check.h"
#include "app/ingestion_warnings.h"
#include "base/clock.h"
#include "sink/kafka/kafka_sink.h"
#include "sink/outputs.h"

namespace capture::app {
namespace {

constexpr std::chrono::seconds kLimit{10};

std::string brokers_variable(const std::string& slot) {
    return "KAFKA_" + slot + "_PRODUCER_METADATA_BROKER_LIST";
}

Finding answer(std::string variable, const std::string& brokers, const std::string& error) {
    bool const ok = error.empty();
    return {std::move(variable), brokers + (ok ? " answers" : " cannot be reached: " + error), ok};
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
        findings.push_back(answer(brokers_variable(result.slot), brokers, result.error));
    }
    return findings;
}

std::vector<Finding> check_warnings(const config::Settings& settings) {
    constexpr const char* kVariable = "CAPTURE_INGESTION_WARNINGS_KAFKA_HOSTS";
    auto const& warnings = settings.warnings;
    // Unset ones are a notice of the configuration, said already.
    if (!warnings.enabled || warnings.hosts.empty() || warnings.topic.empty()) return {};
    base::SystemClock const clock;
    telemetry::Registry registry("", "");
    auto sink = warnings_producer(warnings, registry, telemetry::Logger::silent(), clock);
    if (!sink) return {{kVariable, sink.error(), false}};
    std::vector<Finding> findings;
    for (auto const& result : (*sink)->probe(kLimit))
        findings.push_back(answer(kVariable, warnings.hosts, result.error));
    return findings;
}

}  // namespace capture::app
