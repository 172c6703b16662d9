// One worker: a thread with its own event loop, listener, byte budget, ledger and surfaces. A
// request lives and dies here; workers share only what app/process.h lists. Contract 80 §5, §8.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "app/process.h"
#include "base/async.h"
#include "base/budget.h"
#include "base/inbox.h"
#include "base/timer_wheel.h"
#include "http/probes.h"
#include "http/server.h"
#include "pipeline/context.h"

namespace capture::app {

class Worker {
  public:
    Worker(const Process& process, std::size_t index, std::size_t budget_bytes);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Before run(): binds; the bound port, or what is wrong with the address.
    std::expected<std::uint16_t, std::string> listen(std::string_view address) {
        return server_.listen(address);
    }
    /// Starts the thread, which accepts until drain().
    void run();
    /// Any thread: serves what has begun, then calls `done` from the worker's loop.
    void drain(std::function<void()> done);
    /// Any thread: whether the worker's ledger closes now; the answer comes from the worker's loop.
    void check_ledger(std::function<void(bool balanced)> report);
    /// Ends the loop and the thread, whatever is still open.
    void join();

    const base::Budget& budget() const { return budget_; }

  private:
    void register_routes();

    const Process& process_;
    const std::size_t index_;
    // What connections refer to outlives the loop that holds them (http/server.h).
    base::Budget budget_;
    pipeline::Ledger ledger_;
    limits::WorkerLimits limits_;
    pipeline::Context context_;
    http::Probes probes_;
    std::vector<std::unique_ptr<http::Handler>> surfaces_;
    http::Router router_;
    base::IoContext io_{1};
    base::Inbox inbox_;
    base::TimerWheel timers_;
    http::Server server_;
    base::asio::executor_work_guard<base::Executor> work_;
    std::thread thread_;
};

}  // namespace capture::app
