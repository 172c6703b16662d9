// How other threads wake the coroutines of one worker: with a value each, many at a time.
//
// A waiting coroutine holds its place, a Waiter; whoever has the value puts it there and links the
// Waiter to the worker's list. The first of a list posts to the worker's loop, which then resumes
// all that have come, some at a time, in the order in which they came. So a delivery report costs
// neither an allocation nor a lock, and a request that waits costs its Waiter.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <utility>

#include "base/async.h"

namespace capture::base {

/// One per worker. Destroy it before the worker's loop, and after everybody that calls set() has
/// stopped; it abandons the coroutines whose values it holds.
class Inbox {
  public:
    explicit Inbox(IoContext& io) : io_(io) {}
    ~Inbox();
    Inbox(const Inbox&) = delete;
    Inbox& operator=(const Inbox&) = delete;

    template <typename T>
    class Waiter;

  private:
    struct Node {
        virtual ~Node() = default;
        virtual void resume() = 0;
        virtual void abandon() = 0;
        Node* next = nullptr;
        const void* needed = nullptr;  ///< what the coroutine uses first when it goes on
    };

    void put(Node& node);
    void collect();
    void resume_some();

    IoContext& io_;
    std::atomic<Node*> newest_{nullptr};  ///< what has come, linked backwards
    Node* oldest_ = nullptr;              ///< the worker's: whose turn comes, linked forwards
    Node* last_ = nullptr;                ///< of those, while there are any
    bool goes_on_ = false;                ///< the worker's: the loop will come back to them
};

/// A place for one value. Lives in the coroutine that waits for it.
///
///   Inbox::Waiter<DeliveryOutcome> delivery(inbox);
///   auto const outcome = co_await delivery.wait([&] { … calls delivery.set(outcome) … });
template <typename T>
class Inbox::Waiter final : private Node {
  public:
    /// `needed_then`: an object that the coroutine will use when it goes on, to be called for in
    /// time.
    explicit Waiter(Inbox& inbox, const void* needed_then = nullptr) : inbox_(inbox) {
        needed = needed_then;
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    /// Calls `start()`, which must see to it that set() is called, and waits for that, once what it
    /// returns is awaited.
    template <typename Start>
    auto wait(Start start) {
        return asio::async_initiate<const asio::deferred_t, void(T)>(
            [this](auto handler, Start run) {
                work_.emplace(inbox_.io_.get_executor());
                resume_ = std::move(handler);
                run();
            },
            use_task, std::move(start));
    }

    /// Any thread, once, also from within `start()`. The Waiter may be gone when it returns.
    void set(T value) {
        value_ = std::move(value);
        inbox_.put(*this);
    }

  private:
    void resume() override {
        // Its coroutine goes on, and the Waiter with it.
        auto call = std::move(resume_);
        auto const work = std::move(work_);
        call(std::move(value_));
    }
    void abandon() override { auto const abandoned = std::move(resume_); }

    Inbox& inbox_;
    std::optional<asio::executor_work_guard<Executor>> work_;
    std::move_only_function<void(T)> resume_;
    T value_{};
};

}  // namespace capture::base
