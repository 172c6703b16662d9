#include "telemetry/health.h"

#include <atomic>
#include <deque>
#include <mutex>
#include <utility>

#include "telemetry/probe.h"

namespace capture::telemetry {
namespace {

constexpr const char* kService = "capture";
constexpr const char* kTarget = "capture::lifecycle";

}  // namespace

const char* to_text(ShutdownReason reason) {
    constexpr const char* kTexts[]{"signal", "failure", "died", "requested"};
    return kTexts[static_cast<std::size_t>(reason)];
}

using SteadyTime = std::chrono::steady_clock::time_point;

struct Health::Component::Entry {
    static constexpr SteadyTime::rep kNever = SteadyTime::min().time_since_epoch().count();

    ComponentOptions options;
    std::atomic<SteadyTime::rep> reported{kNever};
    unsigned stalls = 0;  ///< polls in a row past the deadline
    bool ended = false;
    Gauge healthy;

    explicit Entry(ComponentOptions o) : options(std::move(o)) {}
};

struct Health::State {
    State(Registry& registry, Logger& l, const base::Clock& c, OnShutdown callback)
        : probe(registry), log(l), clock(c), on_shutdown(std::move(callback)) {}

    using Entry = Component::Entry;

    /// Under the lock.
    void end(Entry& entry, const char* result) {
        entry.ended = true;
        if (entry.healthy.value() != 0) entry.healthy.set(0);
        if (!begun) return;
        double const seconds = std::chrono::duration<double>(clock.steady() - begun_at).count();
        probe.component_shutdown_seconds.with({kService, entry.options.name, result})
            .observe(seconds);
        probe.component_shutdown_result.with({kService, entry.options.name, result}).add();
        log.info(
            kTarget, "Component ended",
            {{"component", entry.options.name}, {"result", result}, {"duration_secs", seconds}});
    }

    /// True when the component has missed its deadline often enough. Under the lock.
    bool stalled(Entry& entry, SteadyTime now) {
        auto const reported = entry.reported.load(std::memory_order_relaxed);
        if (reported == Entry::kNever) return false;
        if (entry.stalls == 0 && entry.healthy.value() == 0) {
            entry.healthy = probe.component_healthy.with({kService, entry.options.name});
        }
        bool const late =
            now - SteadyTime(SteadyTime::duration(reported)) > *entry.options.deadline;
        entry.healthy.set(late ? 0 : 1);
        entry.stalls = late ? entry.stalls + 1 : 0;
        if (entry.stalls != entry.options.stall_threshold) return false;
        log.warn(kTarget, "Component stopped reporting",
                 {{"component", entry.options.name}, {"advisory", entry.options.advisory}});
        return true;
    }

    void shut_down(std::string_view component, ShutdownReason reason) {
        {
            std::lock_guard lock(mutex);
            if (begun) return;
            begun = Shutdown{std::string(component), reason};
            begun_at = clock.steady();
        }
        probe.shutdown_initiated.with({kService, component, to_text(reason)}).add();
        log.warn(kTarget, "Shutdown begins",
                 {{"trigger_component", component}, {"trigger_reason", to_text(reason)}});
        if (on_shutdown) on_shutdown(*begun);
    }

    Probe probe;
    Logger& log;
    const base::Clock& clock;
    const OnShutdown on_shutdown;
    mutable std::mutex mutex;
    std::deque<Entry> entries;
    std::optional<Shutdown> begun;  ///< written once
    SteadyTime begun_at{};
};

Health::Health(Registry& registry, Logger& logger, const base::Clock& clock, OnShutdown on_shutdown)
    : state_(std::make_unique<State>(registry, logger, clock, std::move(on_shutdown))) {}
Health::~Health() = default;

Health::Component Health::add(ComponentOptions options) {
    std::lock_guard lock(state_->mutex);
    return Component(state_.get(), &state_->entries.emplace_back(std::move(options)));
}

void Health::poll() {
    std::optional<std::string> failed;
    {
        std::lock_guard lock(state_->mutex);
        auto const now = state_->clock.steady();
        for (auto& entry : state_->entries) {
            if (entry.ended || !entry.options.deadline) continue;
            if (state_->stalled(entry, now) && !entry.options.advisory && !failed)
                failed = entry.options.name;
        }
    }
    if (failed) shut_down(*failed, ShutdownReason::Failure);
}

void Health::shut_down(std::string_view component, ShutdownReason reason) {
    state_->shut_down(component, reason);
}

std::optional<Shutdown> Health::shutdown() const {
    std::lock_guard lock(state_->mutex);
    return state_->begun;
}

bool Health::finish() {
    bool clean = true;
    {
        std::lock_guard lock(state_->mutex);
        for (auto& entry : state_->entries) {
            if (entry.ended) continue;
            clean = false;
            state_->end(entry, "timeout");
        }
    }
    state_->probe.shutdown_completed.with({kService, clean ? "true" : "false"}).add();
    state_->log.info(kTarget, "Shutdown ended", {{"clean", clean}});
    return clean;
}

Health::Component::Component(Component&& other) noexcept
    : health_(std::exchange(other.health_, nullptr)),
      entry_(std::exchange(other.entry_, nullptr)) {}

Health::Component& Health::Component::operator=(Component&& other) noexcept {
    if (this != &other) {
        release();
        health_ = std::exchange(other.health_, nullptr);
        entry_ = std::exchange(other.entry_, nullptr);
    }
    return *this;
}

Health::Component::~Component() {
    release();
}

void Health::Component::release() {
    if (!entry_) return;
    auto* const health = std::exchange(health_, nullptr);
    auto* const entry = std::exchange(entry_, nullptr);
    {
        std::lock_guard lock(health->mutex);
        if (entry->ended) return;
        health->end(*entry, "died");
    }
    if (!entry->options.advisory) health->shut_down(entry->options.name, ShutdownReason::Died);
}

void Health::Component::report_healthy() const {
    if (!entry_) return;
    entry_->reported.store(health_->clock.steady().time_since_epoch().count(),
                           std::memory_order_relaxed);
}

void Health::Component::complete() {
    if (!entry_) return;
    std::lock_guard lock(health_->mutex);
    if (!entry_->ended) health_->end(*entry_, "completed");
}

}  // namespace capture::telemetry
