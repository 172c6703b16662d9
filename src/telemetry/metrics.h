// Metrics as data: each room's probe.h declares its metrics once, the registry makes handles from
// the declarations.
//
//   inline constexpr MetricSpec kReceived{"capture_events_received_total", MetricType::Counter,
//   "Events parsed …"}; inline constexpr MetricSpec kDropped{"capture_events_dropped_total",
//   MetricType::Counter, "…", {"cause"}}; struct Probe {
//       explicit Probe(telemetry::Registry& r) : received(r.counter(kReceived)),
//       dropped(r.counters(kDropped)) {} telemetry::Counter received; telemetry::CounterFamily
//       dropped;
//   };
//
// Handles are cheap to copy, valid as long as the registry, and may be used from any thread; a
// default-made handle does nothing. What is counted, observed or added to a gauge is kept in
// shards, one per thread (docs/decisions/0002-metrics-registry.md): an update is one or two
// uncontended atomic additions. with() looks a series up under a lock: resolve handles at start
// where the label values are known, not per event. The registry adds the global labels `role` and
// `capture_mode` to every series (empty ones are left out). Contract 80 §12-13.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace capture::telemetry {

enum class MetricType : std::uint8_t { Counter, Gauge, Histogram };

/// Bucket lists of contract 80 §12.
namespace buckets {
inline constexpr double kSeconds[]{.005, .01, .025, .05, .1, .25, .5, 1,
                                   2.5,  5,   10,   30,  60, 120, 300};
inline constexpr double kBatch[]{1, 10, 25, 50, 75, 100, 250, 500, 750, 1000};
inline constexpr double kPayload[]{1024, 5120, 10240, 51200, 102400, 1048576, 10485760, 20971520};
inline constexpr double kAckMillis[]{.5,   1,    2,     5,     10,    15,     25,
                                     50,   75,   100,   150,   250,   500,    1000,
                                     2500, 5000, 10000, 30000, 60000, 120000, 300000};
inline constexpr double kSkew[]{.1, .5, 1, 2, 5, 10, 30, 60, 300, 3600, 86400};
inline constexpr double kDisplacement[]{.05, .25, 1, 5, 30, 150, 3600};
inline constexpr double kRatio[]{1, 2, 4, 6, 8, 10, 15, 20, 50, 100, 500, 1000};
inline constexpr double kFastSeconds[]{.000025, .00005, .0001, .00025, .0005, .001,
                                       .0025,   .005,   .01,   .05,    .25,   1};
}  // namespace buckets

struct MetricSpec {
    const char* name;
    MetricType type;
    const char* help;
    std::array<const char*, 4> labels{};  ///< unused ones are null
    std::span<const double> bounds{};     ///< histograms only

    std::size_t label_count() const;
};

class Counter {
  public:
    Counter() = default;
    void add(double amount = 1) const;
    /// For counts that somebody else keeps (librdkafka's broker errors). One thread; never together
    /// with add().
    void set_absolute(double value) const;
    double value() const;

  private:
    friend class CounterFamily;
    explicit Counter(void* impl) : impl_(impl) {}
    void* impl_ = nullptr;
};

class Gauge {
  public:
    Gauge() = default;
    void set(double value) const;
    void add(double amount) const;
    double value() const;

  private:
    friend class GaugeFamily;
    explicit Gauge(void* impl) : impl_(impl) {}
    void* impl_ = nullptr;
};

class Histogram {
  public:
    Histogram() = default;
    /// `times` observations of the same value cost what one costs.
    void observe(double value, std::uint64_t times = 1) const;
    std::uint64_t count() const;
    double sum() const;

  private:
    friend class HistogramFamily;
    explicit Histogram(void* impl) : impl_(impl) {}
    void* impl_ = nullptr;
};

using LabelValues = std::initializer_list<std::string_view>;

/// One name with labels; with() takes one value per label of the spec, in that order.
class CounterFamily {
  public:
    CounterFamily() = default;
    Counter with(LabelValues values) const;

  private:
    friend class Registry;
    explicit CounterFamily(void* family) : family_(family) {}
    void* family_ = nullptr;
};
class GaugeFamily {
  public:
    GaugeFamily() = default;
    Gauge with(LabelValues values) const;

  private:
    friend class Registry;
    explicit GaugeFamily(void* family) : family_(family) {}
    void* family_ = nullptr;
};
class HistogramFamily {
  public:
    HistogramFamily() = default;
    Histogram with(LabelValues values) const;

  private:
    friend class Registry;
    explicit HistogramFamily(void* family) : family_(family) {}
    void* family_ = nullptr;
};

class Registry {
  public:
    Registry(std::string role, std::string capture_mode);
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    /// Unlabelled metrics exist (at zero) from here on. Asking twice for one spec gives the same
    /// series. The spec must outlive the registry; a second spec of the same name must agree in
    /// type and labels (std::logic_error).
    Counter counter(const MetricSpec& spec);
    Gauge gauge(const MetricSpec& spec);
    Histogram histogram(const MetricSpec& spec);
    /// Labelled metrics; a series exists once with() has named it.
    CounterFamily counters(const MetricSpec& spec);
    GaugeFamily gauges(const MetricSpec& spec);
    HistogramFamily histograms(const MetricSpec& spec);

    /// Prometheus text format 0.0.4.
    std::string expose() const;
    /// Everything declared so far, in order of declaration (for the generated documentation).
    std::vector<const MetricSpec*> specs() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace capture::telemetry
