// What the groups of one sink share. Inside sink/kafka only; any thread.
#pragma once

#include <chrono>
#include <string_view>

#include "base/clock.h"
#include "sink/kafka/flight.h"
#include "sink/kafka/topic.h"
#include "sink/probe.h"
#include "telemetry/log.h"
#include "telemetry/rate_limited.h"

namespace capture::sink::kafka {

struct Context {
    Context(telemetry::Registry& registry, bool several_slots, telemetry::Logger& logger,
            const base::Clock& the_clock)
        : probe(registry, several_slots), log(logger), clock(the_clock) {}

    /// Logs at most one failure per second, with the number of those not logged.
    void log_failure(const char* what, std::string_view topic, std::string_view error);

    const KafkaProbe probe;
    telemetry::Logger& log;
    const base::Clock& clock;
    TopicTable* topics = nullptr;
    Flights flights;

  private:
    telemetry::RateLimited brake_{1, std::chrono::seconds(1)};
};

}  // namespace capture::sink::kafka
