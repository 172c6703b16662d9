// ParsedEvent → Event: validation, kind, distinct_id, timestamp, uuid, cookieless, heatmap split,
// historical rerouting. Contract 10 §10. The first failure aborts the request.
#pragma once

#include <vector>

#include "base/arena.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "model/error.h"
#include "model/event.h"
#include "parse/probe.h"

namespace capture::parse::analytics_v0 {

struct ProcessorOptions {
    bool ai_lane_by_prefix = false;
    bool reroute_historical = false;
    std::int64_t historical_threshold_days = 1;
};

/// One per worker.
class Processor {
  public:
    Processor(const ProcessorOptions& options, const Probe& probe, const base::Clock& clock);

    /// `facts.sent_at` is the effective one (body, else query). On success `out` holds the records'
    /// events in order (a heatmap split makes two of one). Errors: NoEventName, NoDistinctId,
    /// InvalidCookieless.
    model::Result<void> process(const model::EventBatch& batch, const model::RequestFacts& facts,
                                base::Arena& arena, std::vector<model::Event>& out);

  private:
    class Run;

    ProcessorOptions options_;
    const Probe& probe_;
    const base::Clock& clock_;
    base::UuidSource uuids_;
};

}  // namespace capture::parse::analytics_v0
