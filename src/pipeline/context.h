// What every surface on one worker works with. Built by app, one per worker; everything referred to
// outlives it.
#pragma once

#include "base/budget.h"
#include "base/clock.h"
#include "base/inbox.h"
#include "base/work_pool.h"
#include "config/settings.h"
#include "limits/limits.h"
#include "pipeline/ledger.h"
#include "pipeline/probe.h"
#include "pipeline/warnings.h"
#include "route/lane.h"
#include "route/probe.h"
#include "sink/sink.h"
#include "telemetry/log.h"

namespace capture::pipeline {

struct Context {
    const config::Settings& settings;
    const base::Clock& clock;
    telemetry::Logger& log;
    const Probe& probe;
    const route::Probe& route_probe;
    const route::LaneRules& lanes;
    base::WorkPool& pool;          ///< shared by all workers
    sink::Sink& sink;              ///< shared by all workers
    Warnings& warnings;            ///< shared by all workers
    base::Inbox& inbox;            ///< this worker's
    base::Budget& budget;          ///< this worker's
    Ledger& ledger;                ///< this worker's
    limits::WorkerLimits& limits;  ///< this worker's
};

}  // namespace capture::pipeline
