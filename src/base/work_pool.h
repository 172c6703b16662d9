// A small pool of threads for work that would stall a worker: inflating, parsing and writing large bodies.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "base/async.h"

namespace capture::base {

/// Shared by all workers; any thread. Destruction waits for running jobs.
class WorkPool {
  public:
    explicit WorkPool(std::size_t threads) : pool_(threads) {}
    ~WorkPool() { pool_.join(); }

    /// Runs `job()` on a pool thread and resumes the caller on its own worker with the result. What `job` refers to
    /// must live until then; the caller is suspended meanwhile, so its locals do.
    template <typename Job>
    Task<std::invoke_result_t<Job&>> run(Job job) {
        using Result = std::invoke_result_t<Job&>;
        auto slot = std::make_shared<std::optional<Result>>();
        co_await wait_for<bool>([this, slot, job = std::move(job)](auto done) mutable {
            asio::post(pool_, [slot, job = std::move(job), done = std::move(done)]() mutable {
                slot->emplace(job());
                done(true);
            });
        });
        co_return std::move(**slot);
    }

  private:
    asio::thread_pool pool_;
};

}  // namespace capture::base
