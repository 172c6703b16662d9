// The statistics that librdkafka reports every 10 s as JSON, and the metrics made of them. Contract
// 20 §11.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sink/probe.h"

namespace capture::sink::kafka {

/// A rolling window of latencies, in microseconds.
struct WindowStats {
    double min = 0, avg = 0, max = 0, stddev = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0;
};

struct BrokerStats {
    std::int64_t node_id = -1;  ///< -1 for bootstrap entries
    bool up = false;
    double requests_pending = 0, responses_awaiting = 0;
    double tx_errors = 0, rx_errors = 0, request_timeouts = 0;
    std::optional<WindowStats> rtt, int_latency, outbuf_latency;
};

struct TopicStats {
    std::string name;
    std::optional<double> avg_batch_bytes, avg_batch_events;
};

struct Statistics {
    double reply_queue = 0;
    double messages = 0, messages_limit = 0;
    double bytes = 0, bytes_limit = 0;
    std::vector<BrokerStats> brokers;
    std::vector<TopicStats> topics;

    bool any_broker_up() const;
    bool any_broker_down() const;
};

/// Tolerant: what is missing or of another type is left out. Nothing when the text is not a JSON
/// object.
std::optional<Statistics> parse_statistics(std::string_view json);

/// Writes the statistics of all producers of one sink into the metrics. Unlabelled gauges are the
/// sum over the slots, `any_brokers_down` the maximum (decision 47). Any thread.
class StatisticsMetrics {
  public:
    StatisticsMetrics(telemetry::Registry& registry, std::vector<std::string> slots);

    void apply(std::size_t slot, const Statistics& statistics);

  private:
    struct Totals {
        bool down = false;
        double reply_queue = 0, messages = 0, messages_limit = 0, bytes = 0, bytes_limit = 0;
    };
    void apply_labelled(const std::string& slot, const Statistics& statistics);
    void write_totals();

    const StatisticsProbe probe_;
    const std::vector<std::string> slots_;
    std::mutex mutex_;
    std::vector<Totals> latest_;  ///< by slot
};

}  // namespace capture::sink::kafka
