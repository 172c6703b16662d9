// CONCURRENCY_LIMIT: how many requests of one registered path may run at once in the whole process.
// Excess requests wait in order of arrival, whichever worker they are on; they are never refused.
// Contract 10 §4, 80 §3.1.
//
// The count is shared rather than split over the workers: a split would make a request wait while
// another worker's share is idle. The lock is taken only when the option is set. Any thread.
// Outlives the requests that wait.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/async.h"

namespace capture::http {

class ConcurrencyLimit {
  public:
    /// Held while a request runs; gives its place to the longest waiting request when it goes.
    class Permit {
      public:
        Permit() = default;
        Permit(Permit&& other) noexcept : limit_(std::exchange(other.limit_, nullptr)) {}
        Permit& operator=(Permit&& other) noexcept {
            if (this != &other) {
                reset();
                limit_ = std::exchange(other.limit_, nullptr);
            }
            return *this;
        }
        ~Permit() { reset(); }
        void reset() {
            if (auto* limit = std::exchange(limit_, nullptr)) limit->release();
        }

      private:
        friend class ConcurrencyLimit;
        explicit Permit(ConcurrencyLimit* limit) : limit_(limit) {}
        ConcurrencyLimit* limit_ = nullptr;
    };

    explicit ConcurrencyLimit(std::size_t permits) : free_(permits) {}

    std::optional<Permit> try_acquire();
    base::Task<Permit> acquire();
    std::size_t waiting() const;

  private:
    void release();
    void enqueue(std::function<void(bool)> ready);

    mutable std::mutex mutex_;
    std::size_t free_;
    std::deque<std::function<void(bool)>> waiting_;
};

/// The limits of all paths, shared by the workers' routers. Without a number there is no limit.
class ConcurrencyLimits {
  public:
    explicit ConcurrencyLimits(std::optional<std::size_t> per_path) : per_path_(per_path) {}
    /// The one limit of that pattern, or null.
    std::shared_ptr<ConcurrencyLimit> of(std::string_view pattern);

  private:
    std::optional<std::size_t> per_path_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<ConcurrencyLimit>, std::less<>> limits_;
};

}  // namespace capture::http
