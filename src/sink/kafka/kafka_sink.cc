#include "sink/kafka/kafka_sink.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "sink/kafka/context.h"
#include "sink/kafka/group.h"
#include "sink/kafka/producer.h"
#include "sink/kafka/statistics.h"
#include "sink/kafka/topic.h"

namespace capture::sink {
namespace {

constexpr const char* kTarget = "capture::sinks::kafka";

/// Which output needs this slot, for messages.
std::string user_of(const OutputTable& outputs, const std::string& slot) {
    for (std::size_t i = 0; i < model::kOutputCount; ++i) {
        auto const output = static_cast<model::Output>(i);
        if (outputs.at(output).wired && outputs.at(output).slot == slot) return model::name(output);
    }
    return {};
}

}  // namespace

struct KafkaSink::Impl {
    Impl(const std::vector<std::string>& slots, telemetry::Registry& registry,
         telemetry::Logger& log, const base::Clock& the_clock, HealthCallback health)
        : context(registry, slots.size() > 1, log, the_clock),
          statistics(registry, slots),
          on_health(std::move(health)) {}

    kafka::Context context;
    kafka::StatisticsMetrics statistics;
    const HealthCallback on_health;
    std::vector<std::unique_ptr<kafka::Producer>> producers;
    std::unique_ptr<kafka::TopicTable> topics;

    std::string add_producer(const std::string& slot, const std::string& user,
                             const std::vector<config::ProducerSettings>& settings,
                             const kafka::ProducerLimits& limits);
};

std::string KafkaSink::Impl::add_producer(const std::string& slot, const std::string& user,
                                          const std::vector<config::ProducerSettings>& settings,
                                          const kafka::ProducerLimits& limits) {
    auto const found = std::ranges::find(settings, slot, &config::ProducerSettings::slot);
    if (found == settings.end()) {
        return "CAPTURE_OUTPUT_" + user + "_PRODUCER names the slot " + slot +
               ", which CAPTURE_PRODUCERS does not declare";
    }
    if (found->brokers.empty()) {
        return "producer slot " + slot + ": KAFKA_" + slot +
               "_PRODUCER_METADATA_BROKER_LIST is not set, and output " + user + " uses it";
    }
    kafka::ProducerHooks hooks{
        .statistics = [this, index = producers.size()](
                          const kafka::Statistics& s) { statistics.apply(index, s); },
        .health =
            [this, slot](bool healthy) {
                if (on_health) on_health(slot, healthy);
            }};
    auto producer = kafka::Producer::create(*found, context, std::move(hooks), limits);
    if (!producer) return producer.error();
    producers.push_back(std::move(*producer));
    return {};
}

std::expected<std::unique_ptr<KafkaSink>, std::vector<std::string>> KafkaSink::create(
    const OutputTable& outputs, const std::vector<config::ProducerSettings>& producers,
    telemetry::Registry& registry, telemetry::Logger& log, const base::Clock& clock,
    HealthCallback on_health, const KafkaOptions& options) {
    auto const slots = outputs.slots();
    auto impl = std::make_unique<Impl>(slots, registry, log, clock, std::move(on_health));
    kafka::ProducerLimits const limits{.statistics_interval = options.statistics_interval,
                                       .drain = options.drain_limit,
                                       .destroy = options.destroy_limit};
    std::vector<std::string> problems;
    for (auto const& slot : slots) {
        auto problem = impl->add_producer(slot, user_of(outputs, slot), producers, limits);
        if (!problem.empty()) problems.push_back(std::move(problem));
    }
    if (!problems.empty()) return std::unexpected(std::move(problems));

    std::unordered_map<std::string, kafka::Producer*> by_slot;
    for (auto const& p : impl->producers)
        by_slot[p->slot()] = p.get();
    impl->topics = std::make_unique<kafka::TopicTable>(outputs, by_slot, impl->context.probe,
                                                       options.max_custom_topics);
    impl->context.topics = impl->topics.get();
    return std::unique_ptr<KafkaSink>(new KafkaSink(std::move(impl)));
}

KafkaSink::KafkaSink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

KafkaSink::~KafkaSink() {
    for (auto const& p : impl_->producers)
        p->stop();
    impl_->context.flights.cancel_all(impl_->context);
}

std::vector<KafkaSink::ProbeResult> KafkaSink::probe(std::chrono::milliseconds limit) {
    std::vector<ProbeResult> results;
    auto const end = impl_->context.clock.steady() + limit;
    for (auto const& p : impl_->producers) {
        auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - impl_->context.clock.steady());
        auto error = p->probe(std::max(left, std::chrono::milliseconds(1)));
        if (error.empty()) {
            impl_->context.log.info(kTarget, "Connected to Kafka brokers",
                                    {{"producer", p->slot()}});
        } else {
            impl_->context.log.warn(kTarget,
                                    "Kafka brokers did not answer yet; retrying in the background",
                                    {{"producer", p->slot()}, {"error", error}});
        }
        results.push_back({p->slot(), std::move(error)});
    }
    return results;
}

RecordGroupPtr KafkaSink::open(std::size_t records, base::Budget& budget) {
    bool const fits =
        std::ranges::any_of(impl_->producers, [&](const auto& p) { return p->room() >= records; });
    if (!fits) {
        impl_->context.probe.produce_errors.add();
        impl_->context.log_failure("Producer queue has no room for a batch", "", "");
        return nullptr;
    }
    return std::make_unique<kafka::Group>(impl_->context, records, budget);
}

bool KafkaSink::flush(std::chrono::milliseconds limit) {
    auto const end = impl_->context.clock.steady() + limit;
    bool all = true;
    for (auto const& p : impl_->producers) {
        auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - impl_->context.clock.steady());
        all = p->flush(left) && all;
    }
    return all;
}

}  // namespace capture::sink
