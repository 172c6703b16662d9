// The housekeeping thread: one event loop for everything that is nobody's request. Redis refreshes
// and the rate limiter's tick, health polls, the ledger's self-check, the upkeep of ingestion
// warnings, signals and the pre-stop file. Contract 80 §7-8.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "app/ingestion_warnings.h"
#include "app/worker.h"
#include "base/async.h"
#include "telemetry/health.h"

namespace capture::app {

class Housekeeping {
  public:
    Housekeeping(const Process& process, telemetry::Health& health, IngestionWarnings& warnings,
                 std::vector<std::unique_ptr<Worker>>& workers);
    ~Housekeeping();
    Housekeeping(const Housekeeping&) = delete;
    Housekeeping& operator=(const Housekeeping&) = delete;

    base::IoContext& io() { return io_; }
    /// Watches SIGTERM and SIGINT (a second one ends the process at once) and starts the thread and
    /// its timers.
    void run();
    void join();

  private:
    struct Timers;

    const Process& process_;
    telemetry::Health& health_;
    IngestionWarnings& warnings_;
    std::vector<std::unique_ptr<Worker>>& workers_;
    base::IoContext io_{1};
    std::unique_ptr<Timers> timers_;
    std::thread thread_;
};

}  // namespace capture::app
