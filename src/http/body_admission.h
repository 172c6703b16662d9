// Keeps new request bodies waiting while the worker's byte budget is above its soft limit: nothing
// is read meanwhile, so TCP pushes back. First come, first served. Worker thread only.
//
// The budget is charged by other threads too and calls nobody, so waiters are looked after when a
// request of this worker ends (poke) and on every tick of the timer wheel.
#pragma once

#include <chrono>
#include <functional>

#include "base/async.h"
#include "base/budget.h"
#include "base/timer_wheel.h"

namespace capture::http {

class BodyAdmission {
  public:
    BodyAdmission(base::Budget& budget, base::TimerWheel& timers);
    BodyAdmission(const BodyAdmission&) = delete;
    BodyAdmission& operator=(const BodyAdmission&) = delete;
    ~BodyAdmission() { abandon(); }

    /// True as soon as the budget has room, false after `at_most`.
    base::Task<bool> wait(std::chrono::milliseconds at_most);
    /// Lets the first waiter in when there is room again.
    void poke();
    /// Destroys the coroutines that wait (the loop will not run again).
    void abandon();

  private:
    struct Waiter {
        Waiter(BodyAdmission& owner, std::chrono::milliseconds at_most);
        ~Waiter();
        void finish(bool admitted);

        BodyAdmission& owner;
        Waiter* prev = nullptr;
        Waiter* next = nullptr;
        std::function<void(bool)> done;
        base::TimerWheel::Timer timer{[](void* self) { static_cast<Waiter*>(self)->finish(false); },
                                      this};
        bool linked = false;
    };
    void unlink(Waiter& waiter);
    void poll();

    base::Budget& budget_;
    base::TimerWheel& timers_;
    Waiter* first_ = nullptr;
    Waiter* last_ = nullptr;
    base::TimerWheel::Timer poll_{[](void* self) { static_cast<BodyAdmission*>(self)->poll(); },
                                  this};
};

}  // namespace capture::http
