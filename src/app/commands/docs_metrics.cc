#include "app/commands/docs_pages.h"
#include "decode/probe.h"
#include "http/probe.h"
#include "limits/probe.h"
#include "parse/probe.h"
#include "pipeline/probe.h"
#include "route/probe.h"
#include "sink/probe.h"
#include "telemetry/probe.h"
#include "telemetry/text.h"

namespace capture::app {
namespace {

using telemetry::MetricSpec;
using telemetry::MetricType;

struct Room {
    const char* name;
    std::vector<const MetricSpec*> specs;
};

/// What a room's probes declare.
template <typename Declare>
Room room(const char* name, Declare declare) {
    telemetry::Registry registry("", "");
    declare(registry);
    return {name, registry.specs()};
}

template <typename Probe>
Room room(const char* name) {
    return room(name, [](telemetry::Registry& r) { Probe{r}; });
}

/// Metrics that a unit declares itself, because only it knows the label values.
void declare(telemetry::Registry& r, std::initializer_list<const MetricSpec*> specs) {
    for (auto const* spec : specs) {
        switch (spec->type) {
            case MetricType::Counter:
                r.counters(*spec);
                break;
            case MetricType::Gauge:
                r.gauges(*spec);
                break;
            case MetricType::Histogram:
                r.histograms(*spec);
                break;
        }
    }
}

std::string labels(const MetricSpec& spec) {
    std::string out;
    for (const char* label : spec.labels) {
        if (label) out += (out.empty() ? "" : ", ") + code(label);
    }
    return out;
}

std::string bounds(const MetricSpec& spec) {
    std::string out;
    for (double bound : spec.bounds) {
        if (!out.empty()) out += ' ';
        telemetry::append_number(out, bound);
    }
    return out;
}

constexpr const char* kTypes[]{"counter", "gauge", "histogram"};

}  // namespace

std::string metrics_page() {
    std::vector<Room> rooms;
    rooms.push_back(room<http::Probe>("HTTP"));
    rooms.push_back(room<decode::Probe>("Decoding"));
    rooms.push_back(room<parse::Probe>("Parsing"));
    rooms.push_back(room("Limits", [](telemetry::Registry& r) {
        namespace m = limits::metrics;
        limits::Probe{r};
        declare(r, {&m::kEvals,
                    &m::kCacheCounts,
                    &m::kRecords,
                    &m::kEngineErrors,
                    &m::kPipelineMs,
                    &m::kTickMs,
                    &m::kPipelineSizes,
                    &m::kCommandsPerTick,
                    &m::kPendingSync,
                    &m::kSyncDeferred,
                    &m::kWriteDeferred,
                    &m::kSyncSkipped,
                    &m::kSyncTier,
                    &m::kTierTransitions,
                    &m::kCacheSize,
                    &m::kEvictions,
                    &m::kEstimateDrift,
                    &m::kSyncStaleness,
                    &m::kWindowSeconds,
                    &m::kOutageSkipped,
                    &m::kReadFailing,
                    &m::kThresholdsLoaded,
                    &m::kThresholdsRefreshed});
    }));
    rooms.push_back(room<route::Probe>("Routing"));
    rooms.push_back(room<pipeline::Probe>("Pipeline"));
    rooms.push_back(room<pipeline::WarningsProbe>("Ingestion warnings"));
    rooms.push_back(room("Sinks", [](telemetry::Registry& r) {
        sink::KafkaProbe(r, false);
        sink::StatisticsProbe(r, false);
        sink::StoreProbe{r};
    }));
    rooms.push_back(room<telemetry::Probe>("Process"));
    std::string out = page_head("Metrics", "metrics", "the probe.h of each room");
    out +=
        "\nAll series carry `role` (`OTEL_SERVICE_NAME`) and `capture_mode`. With several producer "
        "slots, series that have "
        "a label `broker` or `topic` carry `producer` as well.\n";
    for (auto const& r : rooms) {
        out += std::string("\n## ") + r.name +
               "\n\n| name | type | labels | meaning | buckets |\n|---|---|---|---|---|\n";
        for (auto const* spec : r.specs) {
            out += "| " + code(spec->name) + " | " + kTypes[static_cast<std::size_t>(spec->type)] +
                   " | " + labels(*spec) + " | " + cell(spec->help) + " | " + bounds(*spec) +
                   " |\n";
        }
    }
    return out;
}

}  // namespace capture::app
