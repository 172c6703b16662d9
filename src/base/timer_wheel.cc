#include "base/timer_wheel.h"

#include <algorithm>

namespace capture::base {

TimerWheel::TimerWheel(IoContext& io, const Clock& clock, std::chrono::milliseconds tick)
    : clock_(clock),
      tick_(tick),
      start_(clock.steady()),
      driver_(io.get_executor()),
      slots_(kSlots) {
    for (Link& slot : slots_)
        slot.prev = slot.next = &slot;
}

TimerWheel::~TimerWheel() {
    for (Link& slot : slots_) {
        while (slot.next != &slot)
            static_cast<Timer*>(slot.next)->cancel();
    }
}

void TimerWheel::unlink(Link& link) {
    link.prev->next = link.next;
    link.next->prev = link.prev;
    link.prev = link.next = &link;
}

void TimerWheel::Timer::cancel() {
    if (!wheel_) return;
    unlink(*this);
    --wheel_->armed_;
    wheel_ = nullptr;
}

std::uint64_t TimerWheel::ticks_now() const {
    return static_cast<std::uint64_t>((clock_.steady() - start_) / tick_);
}

void TimerWheel::link(Timer& timer) {
    Link& slot = slots_[timer.due_ % kSlots];
    timer.prev = slot.prev;
    timer.next = &slot;
    slot.prev->next = &timer;
    slot.prev = &timer;
}

void TimerWheel::arm(Timer& timer, std::chrono::milliseconds after) {
    timer.cancel();
    // A resting wheel has not followed the clock.
    if (armed_ == 0) current_ = std::max(current_, ticks_now());
    auto const wait = std::max(after, std::chrono::milliseconds(0));
    auto const due = (clock_.steady() - start_ + wait) / tick_;
    timer.due_ = std::max(current_, static_cast<std::uint64_t>(due)) + 1;
    timer.wheel_ = this;
    ++armed_;
    link(timer);
    drive();
}

void TimerWheel::advance() {
    std::uint64_t const now = ticks_now();
    if (now <= current_) return;
    std::uint64_t const steps = std::min<std::uint64_t>(now - current_, kSlots);
    std::uint64_t const first = now - steps + 1;
    current_ = now;
    for (std::uint64_t tick = first; tick <= now; ++tick) {
        // Callbacks may change any list, so the slot is emptied into a list of our own first.
        Link& slot = slots_[tick % kSlots];
        if (slot.next == &slot) continue;
        Link pending;
        pending.next = slot.next;
        pending.prev = slot.prev;
        pending.next->prev = pending.prev->next = &pending;
        slot.prev = slot.next = &slot;
        while (pending.next != &pending) {
            auto& timer = static_cast<Timer&>(*pending.next);
            unlink(timer);
            if (timer.due_ > now) {
                link(timer);
                continue;
            }
            --armed_;
            timer.wheel_ = nullptr;
            timer.callback_(timer.owner_);
        }
    }
}

void TimerWheel::drive() {
    if (driving_ || armed_ == 0) return;
    driving_ = true;
    driver_.expires_after(tick_);
    driver_.async_wait([this](boost::system::error_code error) {
        if (error) return;  // the wheel is gone
        driving_ = false;
        advance();
        drive();
    });
}

}  // namespace capture::base
