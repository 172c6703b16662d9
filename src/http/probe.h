// The metrics of this room. Contract 80 §13.1, 10 §14.
#pragma once

#include "telemetry/metrics.h"

namespace capture::http {

using telemetry::MetricSpec;
using telemetry::MetricType;

inline constexpr MetricSpec kRequests{
    "http_requests_total", MetricType::Counter, "Requests answered", {"method", "path", "status"}};
inline constexpr MetricSpec kDurations{"http_requests_duration_seconds",
                                       MetricType::Histogram,
                                       "Time from the complete head to the answer",
                                       {"method", "path", "status"},
                                       telemetry::buckets::kSeconds};
inline constexpr MetricSpec kActive{"capture_active_connections", MetricType::Gauge,
                                    "Requests in flight"};
inline constexpr MetricSpec kAccepted{
    "capture_hyper_accepted_connections", MetricType::Counter, "Connections accepted", {"stage"}};
inline constexpr MetricSpec kAcceptErrors{
    "capture_hyper_accept_error",
    MetricType::Counter,
    "Failed accepts, and connections that ended with an error",
    {"err_type", "stage"}};
inline constexpr MetricSpec kHeadTimeouts{
    "capture_hyper_header_read_timeout",
    MetricType::Counter,
    "Connections closed because a request head was not complete in time",
    {"stage"}};
inline constexpr MetricSpec kBodyTimeouts{
    "capture_body_read_timeout_total",
    MetricType::Counter,
    "Requests answered 408: no body bytes for BODY_CHUNK_READ_TIMEOUT_MS",
    {"path"}};
inline constexpr MetricSpec kRejectedDrains{
    "capture_rejected_body_drain_total",
    MetricType::Counter,
    "Bodies over the wire cap, by how throwing the rest away ended",
    {"path", "outcome", "reason"}};
inline constexpr MetricSpec kManagedProxy{"managed_proxy_requests_total",
                                          MetricType::Counter,
                                          "Requests by whether X-PostHog-Client-IP was present",
                                          {"via_managed_proxy"}};
inline constexpr MetricSpec kEdgeToNow{"capture_edge_to_now_seconds",
                                       MetricType::Histogram,
                                       "Time from the edge's stamp to the complete head",
                                       {"edge"},
                                       telemetry::buckets::kDisplacement};
inline constexpr MetricSpec kEdgeRejected{"capture_edge_timestamp_rejected_total",
                                          MetricType::Counter,
                                          "Edge stamps in the future or older than 600 s",
                                          {"edge", "reason"}};
// Ours, not upstream's.
inline constexpr MetricSpec kBodyWaits{
    "capture_body_budget_waits_total",
    MetricType::Counter,
    "Bodies that waited for the worker's byte budget, by how the wait ended",
    {"outcome"}};
inline constexpr MetricSpec kBudgetRefusals{"capture_body_budget_refused_total",
                                            MetricType::Counter,
                                            "Requests refused because the byte budget was used up"};
inline constexpr MetricSpec kHandlerFailures{
    "capture_handler_exceptions_total", MetricType::Counter,
    "Exceptions that escaped a request handler (answered 500)"};
inline constexpr MetricSpec kOpenConnections{"capture_open_connections", MetricType::Gauge,
                                             "Client connections, idle ones included"};

/// One per process; handles may be used from any worker.
struct Probe {
    explicit Probe(telemetry::Registry& registry);

    struct Stage {
        telemetry::Counter accepted, nodelay_failed, connection, resources, closed, head_timeouts;
    };
    struct Edge {
        telemetry::Histogram seconds;
        telemetry::Counter negative, implausible;
    };

    telemetry::CounterFamily requests;
    telemetry::HistogramFamily durations;
    telemetry::Gauge active;
    Stage accept, drain;
    telemetry::CounterFamily body_timeouts;    ///< rare: looked up when it happens
    telemetry::CounterFamily rejected_drains;  ///< rare too
    telemetry::Counter via_proxy, not_via_proxy;
    Edge envoy, alb;
    telemetry::Counter waits_admitted, waits_refused, budget_refusals, handler_failures;
    telemetry::Gauge open_connections;
};

}  // namespace capture::http
