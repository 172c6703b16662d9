// Load-test and profiling leaf (NOOP_SINK): values are written into a buffer that is used again and
// again, then forgotten. Contract 20 §12.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "sink/probe.h"
#include "sink/sink.h"
#include "telemetry/log.h"

namespace capture::sink {

/// Any thread; callbacks run inside submit().
class NoopSink final : public Sink {
  public:
    /// Logs once that everything will be dropped.
    NoopSink(telemetry::Registry& registry, telemetry::Logger& log);
    ~NoopSink() override;

    RecordGroupPtr open(std::size_t records, base::Budget& budget) override;
    bool flush(std::chrono::milliseconds) override { return true; }

  private:
    class Group;
    struct Memory;
    std::unique_ptr<Memory> take();
    void give_back(std::unique_ptr<Memory> memory);

    const Probe probe_;
    std::mutex mutex_;  ///< guards idle_
    std::vector<std::unique_ptr<Memory>> idle_;
};

}  // namespace capture::sink
