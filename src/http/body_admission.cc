#include "http/body_admission.h"

#include <utility>

namespace capture::http {

BodyAdmission::BodyAdmission(base::Budget& budget, base::TimerWheel& timers)
    : budget_(budget), timers_(timers) {}

void BodyAdmission::abandon() {
    // A waiter owns its coroutine through its callback, and the coroutine owns the waiter.
    while (first_) {
        Waiter& waiter = *first_;
        unlink(waiter);
        auto const abandoned = std::move(waiter.done);
    }
}

BodyAdmission::Waiter::Waiter(BodyAdmission& admission, std::chrono::milliseconds at_most)
    : owner(admission) {
    prev = owner.last_;
    (prev ? prev->next : owner.first_) = this;
    owner.last_ = this;
    linked = true;
    owner.timers_.arm(timer, at_most);
    if (!owner.poll_.armed()) owner.timers_.arm(owner.poll_, std::chrono::milliseconds(0));
}

BodyAdmission::Waiter::~Waiter() {
    owner.unlink(*this);
}

void BodyAdmission::Waiter::finish(bool admitted) {
    owner.unlink(*this);
    timer.cancel();
    if (auto call = std::exchange(done, nullptr)) call(admitted);
}

void BodyAdmission::unlink(Waiter& waiter) {
    if (!std::exchange(waiter.linked, false)) return;
    (waiter.prev ? waiter.prev->next : first_) = waiter.next;
    (waiter.next ? waiter.next->prev : last_) = waiter.prev;
    waiter.prev = waiter.next = nullptr;
}

base::Task<bool> BodyAdmission::wait(std::chrono::milliseconds at_most) {
    Waiter waiter(*this, at_most);
    co_return co_await base::wait_for<bool>(
        [&waiter](auto done) { waiter.done = std::move(done); });
}

void BodyAdmission::poke() {
    if (first_ && !budget_.above_soft()) first_->finish(true);
}

// A woken waiter charges only later, so few are woken at a time.
void BodyAdmission::poll() {
    for (int i = 0; i < 4 && first_; ++i)
        poke();
    if (first_) timers_.arm(poll_, timers_.tick());
}

}  // namespace capture::http
