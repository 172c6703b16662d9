// The lane decision: which output an event leaves by and with which key. A pure function of the
// event's kind and the stamps that the limits left on it. Contract 20 §4.2, first match wins.
#pragma once

#include <bitset>

#include "model/error.h"
#include "model/event.h"
#include "model/record.h"

namespace capture::route {

struct LaneRules {
    /// Outputs that have a topic. Unset optional ones (AI overflow, error-tracking overflow, a
    /// pipeline's own DLQ) switch their rows off; an unset required one sends the event to the DLQ
    /// as `unbacked_lane`.
    std::bitset<model::kOutputCount> wired;
    /// OVERFLOW_PRESERVE_PARTITION_LOCALITY
    bool preserve_locality = false;
    /// KAFKA_REPLAY_ENVELOPE_COMPRESSION: follows the kind of event, whatever its destination.
    bool replay_lz4 = false;

    bool has(model::Output output) const { return wired[static_cast<std::size_t>(output)]; }
};

/// Error: NoSessionId, for a snapshot without one that no restriction diverts.
model::Result<model::Destination> choose_lane(const model::Event& event, const LaneRules& rules);

}  // namespace capture::route
