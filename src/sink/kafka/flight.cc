#include "sink/kafka/flight.h"

#include <utility>

#include "sink/kafka/context.h"

namespace capture::sink::kafka {

// --- Flight
// ----------------------------------------------------------------------------------------------------------

void Flight::start(std::size_t records, std::size_t runs, Chunks chunks, DeliveryCallback done) {
    remaining_.store(static_cast<std::uint32_t>(records + 1), std::memory_order_relaxed);
    settled_.store(false, std::memory_order_relaxed);
    runs_ = 0;
    done_ = std::move(done);
    chunks_ = std::move(chunks);
    if (runs > 1) more_runs_ = std::make_unique<Run[]>(runs - 1);
}

Run& Flight::add_run(Topic& topic, SteadyTime now) {
    Run& added = run(runs_++);
    added = {.flight = this, .topic = &topic, .enqueued_at = now};
    return added;
}

void Flight::settle(model::DeliveryOutcome outcome) {
    if (settled_.exchange(true, std::memory_order_acq_rel)) return;
    auto const done = std::move(done_);
    done(outcome);
}

bool Flight::done(std::size_t count) {
    auto const all = static_cast<std::uint32_t>(count);
    return remaining_.fetch_sub(all, std::memory_order_acq_rel) == all;
}

void Flight::land() {
    chunks_.charge().clear();  // whoever is called back sees it settled
    settle(model::DeliveryOutcome::Delivered);
}

void Flight::move_to(std::vector<Block>& blocks) {
    chunks_.move_to(blocks);
    more_runs_.reset();
}

void Flight::cancel(Context& context) {
    auto const ack = static_cast<std::size_t>(settled() ? Ack::Dropped : Ack::Cancelled);
    for (std::size_t i = 0; i < runs_; ++i) {
        Run const& r = run(i);
        std::uint32_t const left = r.enqueued - r.reported;
        if (left == 0) continue;
        std::chrono::duration<double, std::milli> const waited =
            context.clock.steady() - r.enqueued_at;
        r.topic->ack_millis[ack].observe(waited.count(), left);
        context.probe.produce_errors.add(left);
    }
    chunks_.abandon();
    settle(model::DeliveryOutcome::Retryable);
}

// --- Flights
// ---------------------------------------------------------------------------------------------------------

Flight& Flights::take() {
    std::lock_guard const lock(mutex_);
    if (idle_.empty()) {
        Slab const& slab = slabs_.emplace_back(std::make_unique<Flight[]>(kSlab));
        for (std::size_t i = kSlab; i-- > 0;)
            idle_.push_back(&slab[i]);
    }
    Flight& flight = *idle_.back();
    idle_.pop_back();
    return flight;
}

void Flights::give_back(std::span<Flight* const> landed) {
    std::vector<Block> blocks;
    blocks.reserve(landed.size());
    for (Flight* const flight : landed)
        flight->move_to(blocks);
    Blocks::shared().give_back(blocks);
    std::lock_guard const lock(mutex_);
    idle_.insert(idle_.end(), landed.begin(), landed.end());
}

void Flights::cancel_all(Context& context) {
    std::lock_guard const lock(mutex_);
    for (Slab const& slab : slabs_) {
        for (std::size_t i = 0; i < kSlab; ++i) {
            if (slab[i].in_the_air()) slab[i].cancel(context);
        }
    }
}

}  // namespace capture::sink::kafka
