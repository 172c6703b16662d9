// Coroutines of one worker thread.
//
// Everything that waits on the network is a Task: an Asio coroutine bound to the concrete executor
// of its worker's io_context (the type-erased executor costs twice as much). A Task runs on its
// worker's thread only.
//
// Traps: a coroutine's reference parameters must outlive it; a capturing lambda must not be a
// coroutine; clean up in destructors, because a coroutine that is destroyed while suspended never
// resumes after its await.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace capture::base {

namespace asio = boost::asio;

using IoContext = asio::io_context;
using Executor = asio::io_context::executor_type;

template <typename T>
using Task = asio::awaitable<T, Executor>;

/// Completion token of Asio's operations for `co_await`: the operation runs in the frame of the
/// coroutine that awaits it, where asio::use_awaitable would make a frame for it.
inline constexpr asio::deferred_t use_task{};

/// Suspends the calling coroutine until the callback that `start` receives has been called with a
/// value, once, from any thread; resumes on the coroutine's own worker. Await what it returns at
/// once. The callback is copyable, and dropping every copy without calling it abandons the
/// coroutine, so whoever takes it must call it on every path.
///
///   auto outcome = co_await base::wait_for<DeliveryOutcome>(
///       [&](auto done) { group->submit(std::move(done)); });
template <typename T, typename Start>
auto wait_for(Start start) {
    return asio::async_initiate<const asio::deferred_t, void(T)>(
        [](auto handler, Start run) {
            auto executor = asio::get_associated_executor(handler);
            auto work = asio::make_work_guard(executor);
            auto shared = std::make_shared<decltype(handler)>(std::move(handler));
            run([shared, executor, work = std::move(work)](T value) mutable {
                asio::post(executor,
                           [shared = std::move(shared), value = std::move(value)]() mutable {
                               auto local = std::move(*shared);
                               local(std::move(value));
                           });
                work.reset();
            });
        },
        use_task, std::move(start));
}

}  // namespace capture::base
