// All timeouts of one worker: a coarse hashed wheel driven by a single steady timer, so that arming
// one costs a few list operations and no system call. Worker thread only.
//
// A timer never fires early and fires at most one tick (100 ms) plus the loop's latency late. Time
// comes from the injected clock; the steady timer only says when to look at it, and rests while
// nothing is armed.
//
// The wheel must not be destroyed while its io_context still runs. Timers may outlive the wheel.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>
#include <cstdint>
#include <vector>

#include "base/async.h"
#include "base/clock.h"

namespace capture::base {

class TimerWheel {
    struct Link {
        Link* prev = this;
        Link* next = this;
    };

  public:
    /// Embedded in its owner; disarmed when destroyed. The callback runs on the worker and may arm,
    /// cancel or destroy any timer, this one included.
    class Timer : private Link {
      public:
        using Callback = void (*)(void* owner);

        Timer(Callback callback, void* owner) : callback_(callback), owner_(owner) {}
        Timer(const Timer&) = delete;
        Timer& operator=(const Timer&) = delete;
        ~Timer() { cancel(); }

        bool armed() const { return wheel_ != nullptr; }
        void cancel();

      private:
        friend class TimerWheel;
        Callback callback_;
        void* owner_;
        TimerWheel* wheel_ = nullptr;
        std::uint64_t due_ = 0;
    };

    TimerWheel(IoContext& io, const Clock& clock,
               std::chrono::milliseconds tick = std::chrono::milliseconds(100));
    TimerWheel(const TimerWheel&) = delete;
    TimerWheel& operator=(const TimerWheel&) = delete;
    ~TimerWheel();

    /// Fires once after `after`; a timer that is armed already is moved.
    void arm(Timer& timer, std::chrono::milliseconds after);
    /// Fires what is due by the clock. Called by the steady timer; tests may call it.
    void advance();

    std::size_t armed() const { return armed_; }
    std::chrono::milliseconds tick() const { return tick_; }

  private:
    static constexpr std::size_t kSlots = 256;
    using Driver =
        asio::basic_waitable_timer<std::chrono::steady_clock,
                                   asio::wait_traits<std::chrono::steady_clock>, Executor>;

    std::uint64_t ticks_now() const;
    void link(Timer& timer);
    static void unlink(Link& link);
    void drive();

    const Clock& clock_;
    const std::chrono::milliseconds tick_;
    const std::chrono::steady_clock::time_point start_;
    Driver driver_;
    bool driving_ = false;
    std::uint64_t current_ = 0;  ///< last tick that was fired
    std::size_t armed_ = 0;
    std::vector<Link> slots_;
};

}  // namespace capture::base
