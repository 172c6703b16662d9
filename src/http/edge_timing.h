// How long ago the edge saw a request: capture_edge_to_now_seconds. Metrics only. Contract 10 §14,
// 80 §13.1.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"
#include "http/head.h"
#include "http/probe.h"

namespace capture::http {

/// Milliseconds since 1970 from `[t=]<seconds>[.<fraction>]`; the first three fraction digits
/// count.
std::optional<std::int64_t> parse_request_start(std::string_view line);
/// Milliseconds since 1970 from `Self=1-<8 hex>-<24 hex>;Root=…`; Self is preferred.
std::optional<std::int64_t> parse_amzn_trace_id(std::string_view line);

void observe_edge(const Head& head, base::Instant now, const Probe& probe);

}  // namespace capture::http
