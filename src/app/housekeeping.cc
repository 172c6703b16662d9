#include "app/housekeeping.h"

#include <unistd.h>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <filesystem>

#include "base/thread_name.h"

namespace capture::app {
namespace {

namespace asio = base::asio;

constexpr std::chrono::milliseconds kPrestopInterval{1'000};
constexpr std::chrono::milliseconds kGaugeInterval{1'000};
constexpr std::chrono::milliseconds kLedgerInterval{10'000};
/// A pre-stop hook creates this file to begin the shutdown (contract 80 §7).
constexpr const char* kPrestopFile = "/tmp/shutdown";

inline constexpr telemetry::MetricSpec kBudgetUsed{
    "capture_memory_budget_used_bytes", telemetry::MetricType::Gauge,
    "Bytes charged to the workers' budgets, all workers"};
inline constexpr telemetry::MetricSpec kBudgetLimit{
    "capture_memory_budget_limit_bytes", telemetry::MetricType::Gauge,
    "Hard limit of the workers' budgets, all workers"};

/// Calls `job` every `interval`, until its io_context ends.
class Periodic {
  public:
    Periodic(base::IoContext& io, std::chrono::milliseconds interval, std::function<void()> job)
        : timer_(io), interval_(interval), job_(std::move(job)) {}
    void start() {
        timer_.expires_after(interval_);
        timer_.async_wait([this](boost::system::error_code error) {
            if (error) return;
            job_();
            start();
        });
    }

  private:
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, base::Executor>
        timer_;
    std::chrono::milliseconds interval_;
    std::function<void()> job_;
};

}  // namespace

struct Housekeeping::Timers {
    explicit Timers(Housekeeping& owner)
        : signals(owner.io_, SIGTERM, SIGINT),
          health(owner.io_, telemetry::Health::kPollInterval, [&owner] { owner.health_.poll(); }),
          prestop(owner.io_, kPrestopInterval,
                  [&owner] {
                      std::error_code ignored;
                      if (!std::filesystem::exists(kPrestopFile, ignored)) return;
                      owner.process_.log.info("capture::lifecycle", "Pre-stop file found",
                                              {{"file", kPrestopFile}});
                      owner.health_.shut_down("system", telemetry::ShutdownReason::Signal);
                  }),
          ledger(owner.io_, kLedgerInterval,
                 [&owner] {
                     for (auto const& worker : owner.workers_) {
                         worker->check_ledger([&log = owner.process_.log](bool balanced) {
                             if (!balanced)
                                 log.error("capture::ledger", "The ledger does not close");
                         });
                     }
                 }),
          heartbeat(owner.io_, IngestionWarnings::kHeartbeat,
                    [&owner] { owner.warnings_.heartbeat(); }),
          sweep(owner.io_, IngestionWarnings::kSweep, [&owner] { owner.warnings_.sweep(); }),
          used(owner.process_.registry.gauge(kBudgetUsed)),
          gauges(owner.io_, kGaugeInterval, [&owner, this] {
              std::size_t sum = 0;
              for (auto const& worker : owner.workers_)
                  sum += worker->budget().used();
              used.set(static_cast<double>(sum));
          }) {
        std::size_t limit = 0;
        for (auto const& worker : owner.workers_)
            limit += worker->budget().hard_limit();
        owner.process_.registry.gauge(kBudgetLimit).set(static_cast<double>(limit));
    }

    void watch_signals(Housekeeping& owner) {
        signals.async_wait([this, &owner](boost::system::error_code error, int number) {
            if (error) return;
            if (signalled) _exit(128 + number);
            signalled = true;
            owner.process_.log.info("capture::lifecycle", "Signal received", {{"signal", number}});
            owner.health_.shut_down("system", telemetry::ShutdownReason::Signal);
            watch_signals(owner);
        });
    }

    asio::basic_signal_set<base::Executor> signals;
    bool signalled = false;
    Periodic health;
    Periodic prestop;
    Periodic ledger;
    Periodic heartbeat;
    Periodic sweep;
    telemetry::Gauge used;
    Periodic gauges;
};

Housekeeping::Housekeeping(const Process& process, telemetry::Health& health,
                           IngestionWarnings& warnings,
                           std::vector<std::unique_ptr<Worker>>& workers)
    : process_(process), health_(health), warnings_(warnings), workers_(workers) {}

Housekeeping::~Housekeeping() {
    join();
}

void Housekeeping::run() {
    timers_ = std::make_unique<Timers>(*this);
    timers_->watch_signals(*this);
    timers_->health.start();
    timers_->prestop.start();
    timers_->ledger.start();
    timers_->heartbeat.start();
    timers_->sweep.start();
    timers_->gauges.start();
    thread_ = std::thread([this] {
        base::ThreadName const name("housekeeping");
        while (true) {
            try {
                io_.run();
                return;
            } catch (const std::exception& error) {
                process_.log.error("capture::housekeeping", "An exception escaped a task",
                                   {{"error", error.what()}});
            }
        }
    });
}

void Housekeeping::join() {
    if (!thread_.joinable()) return;
    io_.stop();
    thread_.join();
    timers_.reset();
}

}  // namespace capture::app
