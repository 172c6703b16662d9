#include "http/concurrency.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <exception>
#include <thread>
#include <vector>

namespace capture::http {
namespace {

TEST(ConcurrencyLimit, HandsItsPlacesOverInOrderOfArrival) {
    ConcurrencyLimit limit(1);
    base::IoContext io{1};
    std::vector<int> order;
    struct Job {
        static base::Task<void> run(ConcurrencyLimit& limit, std::vector<int>& order, int number) {
            auto const permit = co_await limit.acquire();
            order.push_back(number);
        }
    };
    auto first = limit.try_acquire();
    ASSERT_TRUE(first);
    EXPECT_FALSE(limit.try_acquire());
    for (int i = 0; i < 4; ++i) {
        base::asio::co_spawn(io, Job::run(limit, order, i), base::asio::detached);
    }
    io.poll();
    EXPECT_EQ(limit.waiting(), 4u);
    EXPECT_TRUE(order.empty());
    first->reset();
    io.restart();
    io.run();
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
    EXPECT_TRUE(limit.try_acquire());
}

TEST(ConcurrencyLimit, HoldsForAllWorkersTogether) {
    constexpr int kJobs = 2000;
    ConcurrencyLimits limits(3);
    auto const limit = limits.of("/e");
    EXPECT_EQ(limits.of("/e"), limit);
    EXPECT_NE(limits.of("/e/"), limit);
    struct State {
        std::atomic<int> running{0};
        std::atomic<int> done{0};
        std::atomic<bool> exceeded{false};
    } state;
    struct Job {
        static base::Task<void> run(ConcurrencyLimit& limit, State& state) {
            auto const permit = co_await limit.acquire();
            if (state.running.fetch_add(1) >= 3) state.exceeded = true;
            // Lets others of this worker run meanwhile.
            co_await base::asio::post(co_await base::asio::this_coro::executor, base::use_task);
            state.running.fetch_sub(1);
            state.done.fetch_add(1);
        }
    };
    std::vector<std::thread> workers;
    for (int w = 0; w < 3; ++w) {
        workers.emplace_back([&] {
            base::IoContext io{1};
            for (int i = 0; i < kJobs; ++i) {
                base::asio::co_spawn(io, Job::run(*limit, state), base::asio::detached);
            }
            io.run();
        });
    }
    for (auto& worker : workers)
        worker.join();
    EXPECT_EQ(state.done, 3 * kJobs);
    EXPECT_FALSE(state.exceeded);
    EXPECT_EQ(limit->waiting(), 0u);
}

TEST(ConcurrencyLimits, AreAbsentWithoutANumber) {
    ConcurrencyLimits none(std::nullopt);
    EXPECT_EQ(none.of("/e"), nullptr);
}

}  // namespace
}  // namespace capture::http
