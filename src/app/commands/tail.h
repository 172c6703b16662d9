// `capture tail`: shows the records of the embedded store as they arrive, one line each.
//
//   10:00:00.123  $pageview      user-1   phc_abc  → events_plugin_ingestion  key=phc_abc:user-1
//   historical
//
// Reads the store's file only, so the service need not run. Times are UTC. What clients wrote is
// escaped: it cannot move the cursor or forge a line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sink/store/reader.h"

namespace capture::app {

struct TailOptions {
    std::string path;
    bool json = false;    ///< {"id":…,"time":…,"topic":…,"key":…,"headers":{…},"value":{…}}
    bool colours = true;  ///< used only on a terminal
    bool from_start = false;
    bool no_follow = false;
    std::int64_t last = 10;  ///< how many older records to begin with
    std::optional<std::int64_t> since_id = {};
};

/// Runs until interrupted, or to the end of the store with no_follow; 1 when the store cannot be
/// read.
int run_tail(const TailOptions& options);

std::string tail_line(const sink::StoredRecord& record, bool colours);
/// The value is embedded as JSON; one that is compressed is left out and counted as `value_bytes`.
std::string tail_json(const sink::StoredRecord& record);

}  // namespace capture::app
