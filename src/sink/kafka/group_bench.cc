// What filling a group costs, up to its submission: the records' memory, their headers, the budget.
// The producer has no brokers; nothing is ever sent.
#include <benchmark/benchmark.h>

#include <string>

#include "base/counted.h"
#include "sink/kafka/kafka_sink.h"

namespace capture::sink {
namespace {

constexpr std::string_view kKey = "phc_0123456789abcdefghijklmnopqrstuvwxyz:user-4711";
constexpr model::RecordHeader kHeaders[]{{"token", "phc_0123456789abcdefghijklmnopqrstuvwxyz"},
                                         {"distinct_id", "user-4711"},
                                         {"session_id", std::nullopt},
                                         {"timestamp", "1788264000123"},
                                         {"event", "$pageview"},
                                         {"uuid", "0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d"},
                                         {"now", "2026-09-01T12:00:00.123456Z"},
                                         {"force_disable_person_processing", std::nullopt},
                                         {"historical_migration", std::nullopt}};

void fill_group(benchmark::State& state) {
    auto const records = static_cast<std::size_t>(state.range(0));
    telemetry::Registry registry("bench", "events");
    base::SystemClock const clock;
    config::OutputsSettings outputs;
    outputs.by_name["ANALYTICS_MAIN"] = {.topic = "main"};
    config::ProducerSettings producer;
    producer.brokers = "127.0.0.1:9";  // discard
    auto sink = KafkaSink::create(OutputTable(outputs), {producer}, registry,
                                  telemetry::Logger::silent(), clock, {});
    if (!sink) return state.SkipWithError(sink.error().front().c_str());
    base::Budget budget(std::size_t{1} << 30, std::size_t{1} << 30);
    std::string const value(1600, 'x');
    std::size_t charged = 0;
    for (auto _ : state) {
        auto const group = (*sink)->open(records, budget);
        for (std::size_t i = 0; i < records; ++i) {
            group->begin({}, value.size()).append(value);
            if (!group->commit(kKey, kHeaders)) return state.SkipWithError("refused");
        }
        charged = budget.used();
    }
    if (charged < records * value.size() || budget.used() != 0)
        state.SkipWithError("the budget does not say what is held");
    state.counters["per_record"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(records),
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(fill_group)->Arg(1)->Apply(base::counted<500>);
BENCHMARK(fill_group)->Arg(50)->Apply(base::counted<20>);

}  // namespace
}  // namespace capture::sink
