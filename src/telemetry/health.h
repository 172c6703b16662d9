// Which parts of the process are alive, and when the process must end itself. Contract 80 §7-8.
//
// A component registers, reports while it is well, and completes when it has stopped. One that has
// reported once and then misses its deadline as often as its threshold says is a failure: the whole
// process is asked to shut down in an orderly way. Until its first report a component is *starting*
// and never judged, so a process that never reached Kafka stays up. A component that is advisory
// only shows in the metrics.
//
//   Health health(registry, logger, clock, [&](const Shutdown& s) { stop.begin(s); });
//   auto sink = health.add({.name = "kafka-sink", .deadline = 30s});
//   sink.report_healthy();                  // from any thread, every 10 s
//   health.poll();                          // every 5 s, by the housekeeping thread
//
// No thread of its own. The callback runs once, on the thread that noticed, outside all locks.
// Everything here may be called from any thread. A Component must not outlive its Health.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace capture::telemetry {

enum class ShutdownReason : std::uint8_t { Signal, Failure, Died, Requested };
const char* to_text(ShutdownReason reason);

/// Why the process ends: labels trigger_component and trigger_reason.
struct Shutdown {
    std::string component;
    ShutdownReason reason;
};

struct ComponentOptions {
    std::string name;
    std::optional<std::chrono::milliseconds> deadline = {};  ///< none = judged by its death only
    unsigned stall_threshold = 1;  ///< polls past the deadline until it is a failure
    bool advisory = false;         ///< its failure or death does not end the process
};

class Health {
  public:
    class Component;
    using OnShutdown = std::function<void(const Shutdown&)>;
    static constexpr std::chrono::milliseconds kPollInterval{5'000};

    Health(Registry& registry, Logger& logger, const base::Clock& clock, OnShutdown on_shutdown);
    ~Health();
    Health(const Health&) = delete;
    Health& operator=(const Health&) = delete;

    Component add(ComponentOptions options);
    void poll();

    /// The first call counts, logs and runs the callback; later ones do nothing. `component` is
    /// `system` for signals and the pre-stop file.
    void shut_down(std::string_view component, ShutdownReason reason);
    std::optional<Shutdown> shutdown() const;
    /// Records what has not completed as timed out. True when everything had.
    bool finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

class Health::Component {
  public:
    Component() = default;
    Component(Component&& other) noexcept;
    Component& operator=(Component&& other) noexcept;
    /// Gone without complete() = died.
    ~Component();

    void report_healthy() const;
    /// Stopped as intended.
    void complete();

  private:
    friend class Health;
    struct Entry;
    Component(State* health, Entry* entry) : health_(health), entry_(entry) {}
    void release();
    State* health_ = nullptr;
    Entry* entry_ = nullptr;
};

}  // namespace capture::telemetry
