// Loops on the housekeeping thread: a task at once and then every interval, until stopped. All
// calls on that thread, except where it says otherwise.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/async.h"
#include "telemetry/log.h"

namespace capture::limits {

class Housekeeping {
  public:
    using Body = std::function<base::Task<void>()>;

    Housekeeping(base::IoContext& context, telemetry::Logger& logger);
    ~Housekeeping();
    Housekeeping(const Housekeeping&) = delete;
    Housekeeping& operator=(const Housekeeping&) = delete;

    /// `body` returns a task that ends soon (its awaits have deadlines); what it refers to must
    /// outlive the loop. An exception is logged and the loop goes on. With `at_once` false the
    /// first run is one interval away.
    void every(std::string name, std::chrono::milliseconds interval, Body body,
               bool at_once = true);
    /// Starts no further run and calls `ended` once every loop has returned, possibly at once.
    void stop(std::function<void()> ended);

    base::IoContext& context() { return context_; }

  private:
    struct Loop;
    struct State;
    static base::Task<void> run(std::shared_ptr<State> state, std::shared_ptr<Loop> loop);

    base::IoContext& context_;
    std::shared_ptr<State> state_;
};

}  // namespace capture::limits
