#include "telemetry/metrics.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <deque>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "telemetry/text.h"

namespace capture::telemetry {
namespace {

constexpr std::size_t kShards = 16;
constexpr std::size_t kCacheLine = 64;

/// Where a thread counts. The first threads have a shard each, and nobody else writes there; all
/// later ones share the last.
struct Place {
    std::size_t shard;
    bool shared;
};
Place place() {
    static std::atomic<std::size_t> next{0};
    thread_local std::size_t const mine =
        std::min(next.fetch_add(1, std::memory_order_relaxed), kShards - 1);
    return {mine, mine == kShards - 1};
}

/// Changes a cell that others read, and write as well if it is shared. Alone there is no need to
/// lock it.
template <typename T, typename Change>
void update(std::atomic<T>& cell, bool shared, Change change) {
    T seen = cell.load(std::memory_order_relaxed);
    if (!shared) return cell.store(change(seen), std::memory_order_relaxed);
    while (!cell.compare_exchange_weak(seen, change(seen), std::memory_order_relaxed)) {
    }
}
template <typename T>
void add_to(std::atomic<T>& cell, T amount, bool shared) {
    update(cell, shared, [amount](T seen) { return seen + amount; });
}

struct CounterSeries {
    struct alignas(kCacheLine) Shard {
        std::atomic<std::uint64_t> whole{0};
        std::atomic<double> fraction{0};
    };
    std::array<Shard, kShards> shards;

    explicit CounterSeries(std::span<const double> /*bounds*/) {}
    double value() const {
        double sum = 0;
        for (auto const& s : shards) {
            sum += static_cast<double>(s.whole.load(std::memory_order_relaxed)) +
                   s.fraction.load(std::memory_order_relaxed);
        }
        return sum;
    }
};

/// What was set last, and what has been added to it, which threads do as often as they count.
struct GaugeSeries {
    struct alignas(kCacheLine) Shard {
        std::atomic<double> added{0};
    };
    std::atomic<double> base{0};
    std::array<Shard, kShards> shards;

    explicit GaugeSeries(std::span<const double> /*bounds*/) {}
    double added() const {
        double sum = 0;
        for (auto const& s : shards)
            sum += s.added.load(std::memory_order_relaxed);
        return sum;
    }
    double value() const { return base.load(std::memory_order_relaxed) + added(); }
    void set(double value) { base.store(value - added(), std::memory_order_relaxed); }
    void add(double amount) {
        auto const [shard, shared] = place();
        add_to(shards[shard].added, amount, shared);
    }
};

/// Per shard: one cell per bucket, then the one beyond the last bound, then the sum (the bits of a
/// double); shards start on their own cache lines.
struct HistogramSeries {
    std::span<const double> bounds;
    std::size_t stride;
    std::vector<std::atomic<std::uint64_t>> cells;
    std::size_t first;  ///< index of the first cell that starts a cache line

    explicit HistogramSeries(std::span<const double> b)
        : bounds(b), stride((b.size() + 2 + 7) / 8 * 8), cells(stride * kShards + 8) {
        auto const address = reinterpret_cast<std::uintptr_t>(cells.data());
        first = (kCacheLine - address % kCacheLine) % kCacheLine / sizeof(cells[0]);
    }
    std::atomic<std::uint64_t>* shard_cells(std::size_t s) {
        return cells.data() + first + s * stride;
    }
    const std::atomic<std::uint64_t>* shard_cells(std::size_t s) const {
        return cells.data() + first + s * stride;
    }

    void observe(double value, std::uint64_t times) {
        auto const [shard, shared] = place();
        auto* mine = shard_cells(shard);
        std::size_t bucket = 0;
        while (bucket < bounds.size() && !(value <= bounds[bucket]))
            ++bucket;
        add_to(mine[bucket], times, shared);
        double const sum = value * static_cast<double>(times);
        update(mine[bounds.size() + 1], shared, [sum](std::uint64_t bits) {
            return std::bit_cast<std::uint64_t>(std::bit_cast<double>(bits) + sum);
        });
    }
    std::uint64_t in_bucket(std::size_t bucket) const {
        std::uint64_t n = 0;
        for (std::size_t s = 0; s < kShards; ++s)
            n += shard_cells(s)[bucket].load(std::memory_order_relaxed);
        return n;
    }
    std::uint64_t count() const {
        std::uint64_t n = 0;
        for (std::size_t b = 0; b <= bounds.size(); ++b)
            n += in_bucket(b);
        return n;
    }
    double sum() const {
        double total = 0;
        for (std::size_t s = 0; s < kShards; ++s) {
            total += std::bit_cast<double>(
                shard_cells(s)[bounds.size() + 1].load(std::memory_order_relaxed));
        }
        return total;
    }
};

void append_label(std::string& out, std::string_view name, std::string_view value) {
    if (!out.empty()) out += ',';
    out += name;
    out += "=\"";
    append_label_value(out, value);
    out += '"';
}

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};

/// All series of one name; addresses are stable.
template <typename Series>
class Table {
  public:
    Table(const MetricSpec& spec, const std::string& global_labels)
        : spec_(&spec), global_labels_(global_labels) {}

    Series* with(LabelValues values) {
        if (values.size() != spec_->label_count()) {
            throw std::logic_error(std::string(spec_->name) + ": wrong number of label values");
        }
        // Length-prefixed, because values come from outside and may hold any byte.
        std::string key;
        for (auto v : values)
            key.append(std::to_string(v.size())).append(1, ':').append(v);
        {
            std::shared_lock lock(mutex_);
            if (auto found = index_.find(key); found != index_.end()) return &found->second->series;
        }
        std::unique_lock lock(mutex_);
        if (auto found = index_.find(key); found != index_.end()) return &found->second->series;
        std::string labels = global_labels_;
        std::size_t i = 0;
        for (auto v : values)
            append_label(labels, spec_->labels[i++], v);
        auto& entry = entries_.emplace_back(spec_->bounds, std::move(labels));
        index_.emplace(std::move(key), &entry);
        return &entry.series;
    }

    template <typename Visit>
    void each(Visit visit) const {
        std::shared_lock lock(mutex_);
        for (auto const& e : entries_)
            visit(e.labels, e.series);
    }

  private:
    struct Entry {
        Entry(std::span<const double> bounds, std::string l)
            : series(bounds), labels(std::move(l)) {}
        Series series;
        std::string labels;  ///< rendered, without braces
    };
    const MetricSpec* spec_;
    const std::string& global_labels_;
    mutable std::shared_mutex mutex_;
    std::deque<Entry> entries_;
    std::unordered_map<std::string, Entry*, TextHash, std::equal_to<>> index_;
};

using CounterTable = Table<CounterSeries>;
using GaugeTable = Table<GaugeSeries>;
using HistogramTable = Table<HistogramSeries>;

struct Family {
    Family(const MetricSpec& s, const std::string& global_labels) : spec(&s) {
        switch (s.type) {
            case MetricType::Counter:
                counters.emplace(s, global_labels);
                break;
            case MetricType::Gauge:
                gauges.emplace(s, global_labels);
                break;
            case MetricType::Histogram:
                histograms.emplace(s, global_labels);
                break;
        }
    }
    const MetricSpec* spec;
    std::optional<CounterTable> counters;  ///< exactly one is there
    std::optional<GaugeTable> gauges;
    std::optional<HistogramTable> histograms;
};

/// Appends `name{labels} value\n`.
void append_sample(std::string& out, std::string_view name, std::string_view suffix,
                   std::string_view labels, double value) {
    out.append(name).append(suffix);
    if (!labels.empty()) out.append("{").append(labels).append("}");
    out += ' ';
    append_number(out, value);
    out += '\n';
}

void append_histogram(std::string& out, const MetricSpec& spec, const std::string& labels,
                      const HistogramSeries& series) {
    std::uint64_t cumulative = 0;
    std::string with_bound;
    auto bucket = [&](std::string_view bound) {
        with_bound = labels;
        append_label(with_bound, "le", bound);
        append_sample(out, spec.name, "_bucket", with_bound, static_cast<double>(cumulative));
    };
    for (std::size_t b = 0; b < spec.bounds.size(); ++b) {
        cumulative += series.in_bucket(b);
        std::string bound;
        append_number(bound, spec.bounds[b]);
        bucket(bound);
    }
    cumulative += series.in_bucket(spec.bounds.size());
    bucket("+Inf");
    append_sample(out, spec.name, "_sum", labels, series.sum());
    // The same figure as the last bucket even while others observe.
    append_sample(out, spec.name, "_count", labels, static_cast<double>(cumulative));
}

constexpr const char* kTypeNames[]{"counter", "gauge", "histogram"};

bool same_shape(const MetricSpec& a, const MetricSpec& b) {
    if (a.type != b.type || !std::ranges::equal(a.bounds, b.bounds)) return false;
    for (std::size_t i = 0; i < a.labels.size(); ++i) {
        std::string_view const left = a.labels[i] ? a.labels[i] : "";
        std::string_view const right = b.labels[i] ? b.labels[i] : "";
        if (left != right) return false;
    }
    return true;
}

}  // namespace

std::size_t MetricSpec::label_count() const {
    return static_cast<std::size_t>(std::ranges::find(labels, nullptr) - labels.begin());
}

void Counter::add(double amount) const {
    if (!impl_) return;
    auto const [shard, shared] = place();
    auto& mine = static_cast<CounterSeries*>(impl_)->shards[shard];
    // Signed, because that is one instruction.
    auto const whole = static_cast<std::int64_t>(amount >= 0 && amount < 1e18 ? amount : 0);
    if (static_cast<double>(whole) == amount) {
        add_to(mine.whole, static_cast<std::uint64_t>(whole), shared);
    } else if (amount > 0) {
        add_to(mine.fraction, amount, shared);
    }
}

void Counter::set_absolute(double value) const {
    if (impl_)
        static_cast<CounterSeries*>(impl_)->shards[0].fraction.store(value,
                                                                     std::memory_order_relaxed);
}

double Counter::value() const {
    return impl_ ? static_cast<CounterSeries*>(impl_)->value() : 0;
}

void Gauge::set(double value) const {
    if (impl_) static_cast<GaugeSeries*>(impl_)->set(value);
}

void Gauge::add(double amount) const {
    if (impl_) static_cast<GaugeSeries*>(impl_)->add(amount);
}

double Gauge::value() const {
    return impl_ ? static_cast<GaugeSeries*>(impl_)->value() : 0;
}

void Histogram::observe(double value, std::uint64_t times) const {
    if (impl_) static_cast<HistogramSeries*>(impl_)->observe(value, times);
}

std::uint64_t Histogram::count() const {
    return impl_ ? static_cast<HistogramSeries*>(impl_)->count() : 0;
}

double Histogram::sum() const {
    return impl_ ? static_cast<HistogramSeries*>(impl_)->sum() : 0;
}

Counter CounterFamily::with(LabelValues values) const {
    return family_ ? Counter(static_cast<CounterTable*>(family_)->with(values)) : Counter();
}
Gauge GaugeFamily::with(LabelValues values) const {
    return family_ ? Gauge(static_cast<GaugeTable*>(family_)->with(values)) : Gauge();
}
Histogram HistogramFamily::with(LabelValues values) const {
    return family_ ? Histogram(static_cast<HistogramTable*>(family_)->with(values)) : Histogram();
}

struct Registry::Impl {
    std::string global_labels;
    mutable std::shared_mutex mutex;
    std::deque<Family> families;  ///< in order of declaration

    Family& family(const MetricSpec& spec, MetricType type) {
        if (spec.type != type)
            throw std::logic_error(std::string(spec.name) + ": asked for as another type");
        if (type == MetricType::Histogram && spec.bounds.empty()) {
            throw std::logic_error(std::string(spec.name) + ": a histogram without bounds");
        }
        std::unique_lock lock(mutex);
        for (auto& f : families) {
            if (std::string_view(f.spec->name) != spec.name) continue;
            if (!same_shape(*f.spec, spec))
                throw std::logic_error(std::string(spec.name) + ": declared twice");
            return f;
        }
        return families.emplace_back(spec, global_labels);
    }
};

Registry::Registry(std::string role, std::string capture_mode) : impl_(std::make_unique<Impl>()) {
    if (!role.empty()) append_label(impl_->global_labels, "role", role);
    if (!capture_mode.empty()) append_label(impl_->global_labels, "capture_mode", capture_mode);
}
Registry::~Registry() = default;

Counter Registry::counter(const MetricSpec& spec) {
    return counters(spec).with({});
}
Gauge Registry::gauge(const MetricSpec& spec) {
    return gauges(spec).with({});
}
Histogram Registry::histogram(const MetricSpec& spec) {
    return histograms(spec).with({});
}

CounterFamily Registry::counters(const MetricSpec& spec) {
    return CounterFamily(&impl_->family(spec, MetricType::Counter).counters.value());
}
GaugeFamily Registry::gauges(const MetricSpec& spec) {
    return GaugeFamily(&impl_->family(spec, MetricType::Gauge).gauges.value());
}
HistogramFamily Registry::histograms(const MetricSpec& spec) {
    return HistogramFamily(&impl_->family(spec, MetricType::Histogram).histograms.value());
}

std::string Registry::expose() const {
    std::string out;
    std::string samples;
    std::shared_lock lock(impl_->mutex);
    for (auto const& family : impl_->families) {
        auto const& spec = *family.spec;
        samples.clear();
        if (family.counters) {
            family.counters->each([&](const std::string& labels, const CounterSeries& series) {
                append_sample(samples, spec.name, "", labels, series.value());
            });
        } else if (family.gauges) {
            family.gauges->each([&](const std::string& labels, const GaugeSeries& series) {
                append_sample(samples, spec.name, "", labels, series.value());
            });
        } else {
            family.histograms->each([&](const std::string& labels, const HistogramSeries& series) {
                append_histogram(samples, spec, labels, series);
            });
        }
        if (samples.empty()) continue;
        out.append("# HELP ").append(spec.name).append(1, ' ');
        append_help(out, spec.help);
        out.append("\n# TYPE ").append(spec.name).append(1, ' ');
        out.append(kTypeNames[static_cast<std::size_t>(spec.type)]).append(1, '\n');
        out += samples;
    }
    return out;
}

std::vector<const MetricSpec*> Registry::specs() const {
    std::shared_lock lock(impl_->mutex);
    std::vector<const MetricSpec*> out;
    for (auto const& family : impl_->families)
        out.push_back(family.spec);
    return out;
}

}  // namespace capture::telemetry
