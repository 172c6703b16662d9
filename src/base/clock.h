// The only place that reads a clock. Injected, so that tests own time. Any thread.
#pragma once

#include <chrono>

#include "base/time.h"

namespace capture::base {

class Clock {
  public:
    virtual ~Clock() = default;
    /// Wall clock, UTC.
    virtual Instant now() const = 0;
    /// Monotonic; for intervals only.
    virtual std::chrono::steady_clock::time_point steady() const = 0;
};

class SystemClock final : public Clock {
  public:
    Instant now() const override;
    std::chrono::steady_clock::time_point steady() const override;
};

/// A clock that moves only when told. Not thread-safe: set it before threads read it.
class ManualClock final : public Clock {
  public:
    explicit ManualClock(Instant at) : now_(at) {}
    Instant now() const override { return now_; }
    std::chrono::steady_clock::time_point steady() const override { return steady_; }
    void advance(std::chrono::milliseconds by) {
        now_ = now_.plus_millis(by.count());
        steady_ += by;
    }
    void set(Instant at) { now_ = at; }

  private:
    Instant now_;
    std::chrono::steady_clock::time_point steady_{};
};

}  // namespace capture::base
