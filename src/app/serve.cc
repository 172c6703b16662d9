#include "app/serve.h"

#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>

#include "app/housekeeping.h"
#include "app/sinks.h"
#include "app/worker.h"
#include "telemetry/probe.h"

namespace capture::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kExitConfig = 78;
constexpr seconds kShutdownBudget{60};
constexpr seconds kFlushLimit{30};
constexpr std::string_view kTarget = "capture::server";

/// Something that several threads wait for or count down.
class Latch {
  public:
    explicit Latch(std::size_t count = 1) : count_(count) {}
    void arrive() {
        std::lock_guard lock(mutex_);
        if (count_ > 0 && --count_ == 0) changed_.notify_all();
    }
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return count_ == 0; });
    }
    bool wait_for(milliseconds limit) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, limit, [this] { return count_ == 0; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t count_;
};

route::LaneRules lane_rules(const config::Settings& settings, const sink::OutputTable& outputs) {
    route::LaneRules rules;
    rules.preserve_locality = settings.overflow.preserve_locality;
    rules.replay_lz4 = settings.outputs.replay_envelope_lz4;
    for (std::size_t i = 0; i < model::kOutputCount; ++i) {
        rules.wired[i] = outputs.wired(static_cast<model::Output>(i));
    }
    return rules;
}

/// A connection costs a descriptor: take all that the system allows.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/// The process's parts in the order in which they come up; members are torn down in reverse.
class Service {
  public:
    explicit Service(const config::Loaded& configuration);

    int run();

  private:
    bool bind_workers();
    /// False when requests are left that still refer to their workers.
    bool stop();
    int fail(const std::string& problem) const;

    const config::Loaded& configuration_;
    const config::Settings& settings_;
    base::SystemClock clock_;
    telemetry::Logger log_;
    telemetry::Registry registry_;
    Latch stop_requested_;
    telemetry::Health health_;
    telemetry::Health::Component server_component_;
    http::Probe http_probe_;
    decode::Probe decode_probe_;
    parse::Probe parse_probe_;
    route::Probe route_probe_;
    pipeline::Probe pipeline_probe_;
    http::PathLabels path_labels_;
    http::ConcurrencyLimits concurrency_;
    sink::OutputTable outputs_;
    route::LaneRules lanes_;
    std::atomic<bool> shutting_down_{false};
    std::unique_ptr<Sinks> sinks_;
    std::unique_ptr<limits::Limits> limits_;
    base::WorkPool pool_;
    std::optional<Process> process_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::string address_;
    std::optional<Housekeeping> housekeeping_;
};

Service::Service(const config::Loaded& configuration)
    : configuration_(configuration),
      settings_(configuration.settings),
      log_(settings_.telemetry.log),
      registry_(settings_.telemetry.service_name, config::to_text(settings_.mode)),
      health_(registry_, log_, clock_,
              [this](const telemetry::Shutdown&) { stop_requested_.arrive(); }),
      server_component_(health_.add({.name = "server"})),
      http_probe_(registry_),
      decode_probe_(registry_),
      parse_probe_(registry_),
      route_probe_(registry_),
      pipeline_probe_(registry_),
      concurrency_(settings_.server.concurrency_limit),
      outputs_(settings_.outputs),
      lanes_(lane_rules(settings_, outputs_)),
      pool_(std::max<std::size_t>(1, settings_.server.workers)) {}

int Service::fail(const std::string& problem) const {
    std::fprintf(stderr, "%s\n", problem.c_str());
    return kExitConfig;
}

int Service::run() {
    for (const config::Notice& notice : configuration_.notices) {
        log_.log(notice.level, "capture::config", notice.text);
    }
    raise_descriptor_limit();
    telemetry::Probe(registry_).emergency_fallback.set(settings_.emergency_armed ? 1 : 0);

    auto limits = limits::Limits::create(settings_, registry_, log_, clock_);
    if (!limits) return fail(limits.error());
    limits_ = std::move(*limits);

    auto sinks = Sinks::create(settings_, outputs_, registry_, log_, clock_, health_);
    if (!sinks) {
        for (const std::string& problem : sinks.error())
            fail(problem);
        return kExitConfig;
    }
    sinks_ = std::move(*sinks);

    process_.emplace(Process{.settings = settings_,
                             .clock = clock_,
                             .log = log_,
                             .registry = registry_,
                             .http_probe = http_probe_,
                             .decode_probe = decode_probe_,
                             .parse_probe = parse_probe_,
                             .route_probe = route_probe_,
                             .pipeline_probe = pipeline_probe_,
                             .path_labels = path_labels_,
                             .concurrency = concurrency_,
                             .lanes = lanes_,
                             .pool = pool_,
                             .sink = sinks_->root(),
                             .limits = *limits_,
                             .shutting_down = shutting_down_});
    if (!bind_workers()) return kExitConfig;
    sinks_->probe();  // connections that arrive meanwhile wait in the backlog

    housekeeping_.emplace(*process_, health_, workers_);
    housekeeping_->run();
    limits_->start(housekeeping_->io());
    for (auto& worker : workers_)
        worker->run();
    log_.info(kTarget, "listening", {{"address", address_}, {"workers", workers_.size()}});

    stop_requested_.wait();
    if (!stop()) {
        log_.flush();
        std::_Exit(0);  // nothing that a request in flight refers to may be torn down
    }
    return 0;
}

bool Service::bind_workers() {
    std::size_t const count = std::max<std::size_t>(1, settings_.server.workers);
    std::size_t const budget =
        std::max<std::size_t>(1, settings_.server.memory_budget_mib) * 1024 * 1024 / count;
    std::string address = settings_.server.address;
    for (std::size_t i = 0; i < count; ++i) {
        auto& worker = workers_.emplace_back(std::make_unique<Worker>(*process_, i, budget));
        auto const port = worker->listen(address);
        if (!port) {
            fail("ADDRESS: " + port.error());
            return false;
        }
        // Port 0 lets the kernel choose; the other workers share what the first one got.
        address = address.substr(0, address.rfind(':') + 1) + std::to_string(*port);
    }
    address_ = address;
    return true;
}

bool Service::stop() {
    auto const deadline = clock_.steady() + kShutdownBudget;
    auto const left = [this, deadline] {
        return std::max(milliseconds(0),
                        std::chrono::duration_cast<milliseconds>(deadline - clock_.steady()));
    };
    // 1. Readiness turns 503. 2. and 3. No more connections; what has begun is served.
    shutting_down_ = true;
    auto drained = std::make_shared<Latch>(workers_.size());
    for (auto& worker : workers_)
        worker->drain([drained] { drained->arrive(); });
    bool const all_served = drained->wait_for(left());
    if (!all_served) log_.warn(kTarget, "Requests were still in flight at the end of the shutdown");
    // 4. What Kafka has not acknowledged yet.
    log_.info(kTarget, "Flushing sink...");
    if (sinks_->flush(std::min<milliseconds>(kFlushLimit, left()))) {
        log_.info(kTarget, "Sink flush complete");
    } else {
        log_.error(kTarget, "Records were left unacknowledged by the flush");
    }
    for (auto& worker : workers_)
        worker->join();
    server_component_.complete();
    sinks_->complete();
    // 5. Background tasks.
    limits_->stop();
    housekeeping_->join();
    bool const clean = health_.finish();
    log_.info(kTarget, "Shutdown complete", {{"clean", clean}});
    // Records charge their workers' budgets until the sink is gone.
    if (all_served) sinks_.reset();
    return all_served;
}

}  // namespace

int serve(const config::Loaded& configuration) {
    return Service(configuration).run();
}

}  // namespace capture::app
