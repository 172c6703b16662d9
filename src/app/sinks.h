// The sink tree of this process, as the configuration asks for it. Contract 20 §7, §12.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/settings.h"
#include "sink/kafka/kafka_sink.h"
#include "sink/outputs.h"
#include "sink/sink.h"
#include "sink/store/store_sink.h"
#include "telemetry/health.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace capture::app {

/// The sink and what must live as long as it. Made and destroyed on the main thread.
class Sinks {
  public:
    /// Connects in the background. The errors name variables.
    static std::expected<std::unique_ptr<Sinks>, std::vector<std::string>> create(
        const config::Settings& settings, const sink::OutputTable& outputs,
        telemetry::Registry& registry, telemetry::Logger& log, const base::Clock& clock,
        telemetry::Health& health);

    sink::Sink& root() { return *root_; }
    /// The embedded store, where it is the sink; else null.
    sink::StoreSink* store() { return store_; }
    /// The boot probe: waits at most 10 s for the brokers to answer. That they do not is no error.
    void probe();
    /// Waits for what is in flight; call once workers have ended.
    bool flush(std::chrono::milliseconds limit) { return root_->flush(limit); }
    /// Marks the sink's components as stopped on purpose.
    void complete();

  private:
    /// One component per producer slot, `kafka-sink` for the only one: a total outage of one
    /// backing must not hide behind another.
    std::map<std::string, telemetry::Health::Component, std::less<>> components_;
    sink::KafkaSink* kafka_ = nullptr;  ///< the leaf in the tree, if there is one
    sink::StoreSink* store_ = nullptr;  ///< likewise
    std::unique_ptr<sink::Sink> root_;
};

}  // namespace capture::app
