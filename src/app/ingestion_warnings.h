// Where this process's ingestion warnings go, and their upkeep: a Kafka producer of their own, or
// the embedded store. Contract 20 §14, 80 §3.11.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <string>

#include "app/sinks.h"
#include "base/clock.h"
#include "config/settings.h"
#include "pipeline/warnings.h"
#include "sink/kafka/kafka_sink.h"
#include "telemetry/health.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace capture::app {

/// The fixed policy.
config::ProducerSettings warnings_policy(const config::WarningsSettings& settings);

/// The producer of warnings. Nothing is tried before the first record. The error says what the
/// client refused. `registry` gets the producer's own series, which would
/// mingle with those of events in the one that is exposed.
std::expected<std::unique_ptr<sink::KafkaSink>, std::string> warnings_producer(
    const config::WarningsSettings& settings, telemetry::Registry& registry, telemetry::Logger& log,
    const base::Clock& clock);

/// Made and stopped on the main thread. Outlives the sinks: the store reports to it.
class IngestionWarnings {
  public:
    static constexpr std::chrono::milliseconds kHeartbeat{10'000};
    static constexpr std::chrono::milliseconds kSweep{60'000};
    static constexpr std::chrono::milliseconds kFlushLimit{2'000};

    /// Never fails: what is wrong is logged, shown by ingestion_warnings_emitter_enabled, and
    /// leaves the process without warnings.
    IngestionWarnings(const config::Settings& settings, sink::StoreSink* store,
                      telemetry::Registry& registry, telemetry::Logger& log,
                      const base::Clock& clock, telemetry::Health& health);

    pipeline::Warnings& warnings() { return warnings_; }
    /// Every kHeartbeat: the advisory component is alive.
    void heartbeat() const { component_.report_healthy(); }
    /// Every kSweep.
    void sweep() { warnings_.sweep(); }
    /// Nothing is emitted any more: waits for what is in flight, at most kFlushLimit.
    void stop();

  private:
    const char* start(const config::Settings& settings, sink::StoreSink* store,
                      telemetry::Registry& registry, telemetry::Logger& log,
                      const base::Clock& clock);

    telemetry::Registry producer_registry_{"", ""};
    telemetry::Health::Component component_;
    pipeline::Warnings warnings_;
};

}  // namespace capture::app
