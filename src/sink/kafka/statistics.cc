#include "sink/kafka/statistics.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace capture::sink::kafka {
namespace {

namespace dom = simdjson::dom;

std::optional<double> number(dom::object object, std::string_view key) {
    double value = 0;
    if (object[key].get_double().get(value)) return std::nullopt;
    return value;
}
double number_or_zero(dom::object object, std::string_view key) {
    return number(object, key).value_or(0);
}

std::optional<WindowStats> window(dom::object object, std::string_view key) {
    dom::object w;
    if (object[key].get_object().get(w)) return std::nullopt;
    return WindowStats{.min = number_or_zero(w, "min"),
                       .avg = number_or_zero(w, "avg"),
                       .max = number_or_zero(w, "max"),
                       .stddev = number_or_zero(w, "stddev"),
                       .p50 = number_or_zero(w, "p50"),
                       .p90 = number_or_zero(w, "p90"),
                       .p95 = number_or_zero(w, "p95"),
                       .p99 = number_or_zero(w, "p99")};
}

BrokerStats broker(dom::object object) {
    BrokerStats b;
    std::int64_t id = 0;
    if (!object["nodeid"].get_int64().get(id)) b.node_id = id;
    std::string_view state;
    b.up = !object["state"].get_string().get(state) && state == "UP";
    b.requests_pending = number_or_zero(object, "outbuf_cnt");
    b.responses_awaiting = number_or_zero(object, "waitresp_cnt");
    b.tx_errors = number_or_zero(object, "txerrs");
    b.rx_errors = number_or_zero(object, "rxerrs");
    b.request_timeouts = number_or_zero(object, "req_timeouts");
    b.rtt = window(object, "rtt");
    b.int_latency = window(object, "int_latency");
    b.outbuf_latency = window(object, "outbuf_latency");
    return b;
}

std::optional<double> average(dom::object object, std::string_view key) {
    dom::object w;
    if (object[key].get_object().get(w)) return std::nullopt;
    return number(w, "avg");
}

/// One value per label: the quantile, the broker, and the producer when there are several.
void set_window(const telemetry::GaugeFamily& family, const std::optional<WindowStats>& w,
                std::string_view broker, const std::string* producer) {
    if (!w) return;
    const std::pair<std::string_view, double> parts[]{
        {"min", w->min}, {"avg", w->avg}, {"max", w->max}, {"stddev", w->stddev},
        {"p50", w->p50}, {"p90", w->p90}, {"p95", w->p95}, {"p99", w->p99}};
    for (auto const& [quantile, value] : parts) {
        (producer ? family.with({quantile, broker, *producer}) : family.with({quantile, broker}))
            .set(value);
    }
}

/// Counters that the client counts itself. Several bootstrap entries share a label, and a counter
/// must not go back.
void raise(const telemetry::Counter& counter, double value) {
    if (value >= counter.value()) counter.set_absolute(value);
}

}  // namespace

bool Statistics::any_broker_up() const {
    return std::ranges::any_of(brokers, [](const BrokerStats& b) { return b.up; });
}

bool Statistics::any_broker_down() const {
    return std::ranges::any_of(brokers, [](const BrokerStats& b) { return !b.up; });
}

std::optional<Statistics> parse_statistics(std::string_view json) {
    dom::parser parser;
    dom::object root;
    if (parser.parse(json.data(), json.size()).get_object().get(root)) return std::nullopt;
    Statistics out;
    out.reply_queue = number_or_zero(root, "replyq");
    out.messages = number_or_zero(root, "msg_cnt");
    out.messages_limit = number_or_zero(root, "msg_max");
    out.bytes = number_or_zero(root, "msg_size");
    out.bytes_limit = number_or_zero(root, "msg_size_max");
    dom::object brokers;
    if (!root["brokers"].get_object().get(brokers)) {
        for (auto field : brokers) {
            dom::object entry;
            if (!field.value.get_object().get(entry)) out.brokers.push_back(broker(entry));
        }
    }
    dom::object topics;
    if (!root["topics"].get_object().get(topics)) {
        for (auto field : topics) {
            dom::object entry;
            if (field.value.get_object().get(entry)) continue;
            out.topics.push_back(
                {std::string(field.key), average(entry, "batchsize"), average(entry, "batchcnt")});
        }
    }
    return out;
}

StatisticsMetrics::StatisticsMetrics(telemetry::Registry& registry, std::vector<std::string> slots)
    : probe_(registry, slots.size() > 1), slots_(std::move(slots)), latest_(slots_.size()) {}

void StatisticsMetrics::apply(std::size_t slot, const Statistics& statistics) {
    apply_labelled(slots_[slot], statistics);
    std::lock_guard const lock(mutex_);
    latest_[slot] = {.down = statistics.any_broker_down(),
                     .reply_queue = statistics.reply_queue,
                     .messages = statistics.messages,
                     .messages_limit = statistics.messages_limit,
                     .bytes = statistics.bytes,
                     .bytes_limit = statistics.bytes_limit};
    write_totals();
}

void StatisticsMetrics::apply_labelled(const std::string& slot, const Statistics& statistics) {
    const std::string* const producer = probe_.several_slots ? &slot : nullptr;
    auto labelled = [&](auto const& family, std::string_view label) {
        return producer ? family.with({label, *producer}) : family.with({label});
    };
    for (auto const& b : statistics.brokers) {
        std::string const id = std::to_string(b.node_id);
        labelled(probe_.broker_connected, id).set(b.up ? 1 : 0);
        labelled(probe_.requests_pending, id).set(b.requests_pending);
        labelled(probe_.responses_awaiting, id).set(b.responses_awaiting);
        raise(labelled(probe_.tx_errors, id), b.tx_errors);
        raise(labelled(probe_.rx_errors, id), b.rx_errors);
        raise(labelled(probe_.request_timeouts, id), b.request_timeouts);
        set_window(probe_.rtt, b.rtt, id, producer);
        set_window(probe_.int_latency, b.int_latency, id, producer);
        set_window(probe_.outbuf_latency, b.outbuf_latency, id, producer);
    }
    for (auto const& t : statistics.topics) {
        if (t.avg_batch_bytes) labelled(probe_.avg_batch_bytes, t.name).set(*t.avg_batch_bytes);
        if (t.avg_batch_events) labelled(probe_.avg_batch_events, t.name).set(*t.avg_batch_events);
    }
}

void StatisticsMetrics::write_totals() {
    Totals sum;
    for (auto const& t : latest_) {
        sum.down = sum.down || t.down;
        sum.reply_queue += t.reply_queue;
        sum.messages += t.messages;
        sum.messages_limit += t.messages_limit;
        sum.bytes += t.bytes;
        sum.bytes_limit += t.bytes_limit;
    }
    probe_.any_brokers_down.set(sum.down ? 1 : 0);
    probe_.callback_queue_depth.set(sum.reply_queue);
    probe_.queue_depth.set(sum.messages);
    probe_.queue_depth_limit.set(sum.messages_limit);
    probe_.queue_bytes.set(sum.bytes);
    probe_.queue_bytes_limit.set(sum.bytes_limit);
}

}  // namespace capture::sink::kafka
