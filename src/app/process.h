// What all workers of this process share. Built by serve() in the order of its members, torn down
// in reverse.
#pragma once

#include <atomic>

#include "base/clock.h"
#include "base/work_pool.h"
#include "config/settings.h"
#include "decode/probe.h"
#include "http/concurrency.h"
#include "http/probe.h"
#include "http/router.h"
#include "limits/limits.h"
#include "parse/probe.h"
#include "pipeline/probe.h"
#include "pipeline/warnings.h"
#include "route/lane.h"
#include "route/probe.h"
#include "sink/outputs.h"
#include "sink/sink.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace capture::app {

/// Immutable, or safe from any thread.
struct Process {
    const config::Settings& settings;
    const base::Clock& clock;
    telemetry::Logger& log;
    telemetry::Registry& registry;
    const http::Probe& http_probe;
    const decode::Probe& decode_probe;
    const parse::Probe& parse_probe;
    const route::Probe& route_probe;
    const pipeline::Probe& pipeline_probe;
    http::PathLabels& path_labels;
    http::ConcurrencyLimits& concurrency;
    const route::LaneRules& lanes;
    base::WorkPool& pool;
    sink::Sink& sink;
    pipeline::Warnings& warnings;
    limits::Limits& limits;
    const std::atomic<bool>& shutting_down;
};

}  // namespace capture::app
