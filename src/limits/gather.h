// Several tasks of one thread at once, a bounded number at a time.
#pragma once

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>

#include "base/async.h"

namespace capture::limits {

/// Runs start(0) … start(count - 1), `width` at a time in waves; resumes when all have ended. A
/// task that throws ends its part only. What the tasks refer to must outlive the call.
inline base::Task<void> gather(std::size_t count, std::size_t width,
                               std::function<base::Task<void>(std::size_t)> start) {
    auto const executor = co_await boost::asio::this_coro::executor;
    for (std::size_t begin = 0; begin < count; begin += width) {
        std::size_t const end = std::min(count, begin + width);
        auto const wave = [&](auto done) {
            auto left = std::make_shared<std::size_t>(end - begin);
            for (std::size_t i = begin; i < end; ++i) {
                boost::asio::co_spawn(executor, start(i), [left, done](std::exception_ptr) mutable {
                    if (--*left == 0) done(true);
                });
            }
        };
        co_await base::wait_for<bool>(wave);
    }
}

}  // namespace capture::limits
