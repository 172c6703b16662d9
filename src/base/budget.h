// The byte budget of one worker: every buffer whose size a client can influence is charged to it.
//
// Two limits. Below the soft limit all is well. Above it the worker starts no new request body (TCP
// pushes back). A charge that would pass the hard limit is refused, and the request that asked is
// answered 503. Charges come from the worker and from threads that work for it (the pool for large
// bodies, delivery reports), so the count is atomic.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace capture::base {

class Budget {
  public:
    Budget(std::size_t soft_bytes, std::size_t hard_bytes) : soft_(soft_bytes), hard_(hard_bytes) {}
    Budget(const Budget&) = delete;
    Budget& operator=(const Budget&) = delete;

    /// False when the hard limit would be passed; nothing is charged then.
    [[nodiscard]] bool charge(std::size_t bytes) {
        if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= hard_) return true;
        used_.fetch_sub(bytes, std::memory_order_relaxed);
        return false;
    }
    void release(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

    std::size_t used() const { return used_.load(std::memory_order_relaxed); }
    std::size_t soft_limit() const { return soft_; }
    std::size_t hard_limit() const { return hard_; }
    bool above_soft() const { return used() > soft_; }

  private:
    std::atomic<std::size_t> used_{0};
    const std::size_t soft_;
    const std::size_t hard_;
};

/// What one owner has charged; released when it goes. Movable; belongs to one thread at a time.
class Charge {
  public:
    Charge() = default;
    explicit Charge(Budget& budget) : budget_(&budget) {}
    Charge(Charge&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Charge& operator=(Charge&& other) noexcept {
        if (this != &other) {
            clear();
            budget_ = std::exchange(other.budget_, nullptr);
            bytes_ = std::exchange(other.bytes_, 0);
        }
        return *this;
    }
    ~Charge() { clear(); }

    [[nodiscard]] bool add(std::size_t bytes) {
        if (budget_ && !budget_->charge(bytes)) return false;
        bytes_ += bytes;
        return true;
    }
    /// Gives back a part.
    void reduce(std::size_t bytes) {
        if (budget_ && bytes > 0) budget_->release(bytes);
        bytes_ -= bytes;
    }
    void clear() { reduce(bytes_); }
    std::size_t bytes() const { return bytes_; }
    Budget* budget() const { return budget_; }

  private:
    Budget* budget_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace capture::base
