// Debugging leaf (PRINT_SINK): logs every record at info, payload included, and calls it delivered.
// Contract 20 §12.
#pragma once

#include "sink/outputs.h"
#include "sink/probe.h"
#include "sink/sink.h"
#include "telemetry/log.h"

namespace capture::sink {

/// Any thread; callbacks run inside submit().
class PrintSink final : public Sink {
  public:
    PrintSink(const OutputTable& outputs, telemetry::Registry& registry, telemetry::Logger& log)
        : outputs_(outputs), probe_(registry), log_(log) {}

    RecordGroupPtr open(std::size_t records, base::Budget& budget) override;
    bool flush(std::chrono::milliseconds) override { return true; }

  private:
    class Group;
    const OutputTable& outputs_;
    const Probe probe_;
    telemetry::Logger& log_;
};

}  // namespace capture::sink
