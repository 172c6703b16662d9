#include "http/probe.h"

namespace capture::http {
namespace {

Probe::Stage stage(telemetry::Registry& registry, const char* name) {
    auto const errors = registry.counters(kAcceptErrors);
    return {
        registry.counters(kAccepted).with({name}), errors.with({"set_tcp_nodelay", name}),
        errors.with({"connection", name}),         errors.with({"resources", name}),
        errors.with({"conn_closed", name}),        registry.counters(kHeadTimeouts).with({name})};
}

Probe::Edge edge(telemetry::Registry& registry, const char* name) {
    auto const rejected = registry.counters(kEdgeRejected);
    return {registry.histograms(kEdgeToNow).with({name}), rejected.with({name, "negative"}),
            rejected.with({name, "implausible"})};
}

}  // namespace

Probe::Probe(telemetry::Registry& registry)
    : requests(registry.counters(kRequests)),
      durations(registry.histograms(kDurations)),
      active(registry.gauge(kActive)),
      accept(stage(registry, "accept")),
      drain(stage(registry, "drain")),
      body_timeouts(registry.counters(kBodyTimeouts)),
      rejected_drains(registry.counters(kRejectedDrains)),
      via_proxy(registry.counters(kManagedProxy).with({"true"})),
      not_via_proxy(registry.counters(kManagedProxy).with({"false"})),
      envoy(edge(registry, "envoy")),
      alb(edge(registry, "alb")),
      waits_admitted(registry.counters(kBodyWaits).with({"admitted"})),
      waits_refused(registry.counters(kBodyWaits).with({"refused"})),
      budget_refusals(registry.counter(kBudgetRefusals)),
      handler_failures(registry.counter(kHandlerFailures)),
      open_connections(registry.gauge(kOpenConnections)) {}

}  // namespace capture::http
