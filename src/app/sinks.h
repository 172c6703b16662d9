// The sink tree of this process, as the configuration asks for it. Contract 20 §7, §12.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/settings.h"
#include "sink/outputs.h"
#include "sink/sink.h"
#include "telemetry/health.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace capture::app {

/// The sink and what must live as long as it. Made and destroyed on the main thread.
class Sinks {
  public:
    /// Blocks for the Kafka boot probe (at most 10 s); unreachable brokers are no error. The errors
    /// name variables.
    static std::expected<std::unique_ptr<Sinks>, std::vector<std::string>> create(
        const config::Settings& settings, const sink::OutputTable& outputs,
        telemetry::Registry& registry, telemetry::Logger& log, const base::Clock& clock,
        telemetry::Health& health);

    sink::Sink& root() { return *root_; }
    /// Waits for what is in flight; call once workers have ended.
    bool flush(std::chrono::milliseconds limit) { return root_->flush(limit); }
    /// Marks the sink's components as stopped on purpose.
    void complete();

  private:
    telemetry::Health::Component kafka_;  ///< registered for the Kafka sink only
    bool has_component_ = false;
    std::unique_ptr<sink::Sink> root_;
};

}  // namespace capture::app
