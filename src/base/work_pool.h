// A small pool of threads for work that would stall a worker: inflating, parsing and writing large
// bodies.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/async.h"
#include "base/thread_name.h"

namespace capture::base {

/// Shared by all workers; any thread. Destruction waits for running jobs.
class WorkPool {
  public:
    explicit WorkPool(std::size_t threads) {
        ThreadName const inherited("pool");
        pool_.emplace(threads);
    }
    ~WorkPool() { pool_->join(); }

    /// Runs `job()` on a pool thread and resumes the caller on its own worker with the result. The
    /// caller is suspended meanwhile, so its locals may be captured by reference; it must not be
    /// destroyed before the job has ended.
    template <typename Job>
    Task<std::invoke_result_t<Job&>> run(Job job) {
        using Result = std::invoke_result_t<Job&>;
        std::optional<Result> result;
        auto const start = [this, &result, &job](auto done) {
            asio::post(*pool_, [&result, &job, done = std::move(done)]() mutable {
                result.emplace(job());
                done(true);
            });
        };
        co_await wait_for<bool>(start);
        co_return std::move(*result);
    }

  private:
    std::optional<asio::thread_pool> pool_;
};

}  // namespace capture::base
