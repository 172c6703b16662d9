#include "base/inbox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace capture::base {
namespace {

using Waiters = std::vector<Inbox::Waiter<int>*>;

/// Waits for a value and adds it to `sum`; its place is in `waiters` meanwhile.
Task<void> take(Inbox& inbox, Waiters& waiters, int& sum, std::shared_ptr<int> alive = {}) {
    (void)alive;
    Inbox::Waiter<int> waiter(inbox);
    int const value = co_await waiter.wait([&] { waiters.push_back(&waiter); });
    if (value < 0) throw std::runtime_error("negative");
    sum += value;
}

void spawn(IoContext& io, Task<void> task) {
    asio::co_spawn(io.get_executor(), std::move(task), [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
    });
}

TEST(Inbox, ResumesEachWithItsValueInTheOrderOfArrival) {
    IoContext io{1};
    Inbox inbox(io);
    std::vector<int> order;
    std::vector<std::unique_ptr<Inbox::Waiter<int>>> places;
    for (int i = 0; i < 3; ++i) {
        auto& place = *places.emplace_back(std::make_unique<Inbox::Waiter<int>>(inbox));
        spawn(io, [](auto& waiter, auto& out) -> Task<void> {
            out.push_back(co_await waiter.wait([] {}));
        }(place, order));
    }
    io.poll();
    for (int const i : {2, 0, 1})
        places[static_cast<std::size_t>(i)]->set(i);
    io.run();  // returns: nobody waits any more
    EXPECT_EQ(order, (std::vector{2, 0, 1}));
}

TEST(Inbox, GivesTheLoopItsTurnWhileManyGoOn) {
    constexpr int kCount = 1'000;
    IoContext io{1};
    Inbox inbox(io);
    Waiters waiters;
    int sum = 0;
    for (int i = 0; i < kCount; ++i)
        spawn(io, take(inbox, waiters, sum));
    io.poll();
    for (auto* const waiter : waiters)
        waiter->set(1);
    int seen = 0;
    asio::post(io, [&] { seen = sum; });
    io.run();
    EXPECT_GT(seen, 0);
    EXPECT_LT(seen, kCount / 10);
    EXPECT_EQ(sum, kCount);
}

TEST(Inbox, KeepsTheOrderOfThoseThatComeWhileOthersGoOn) {
    constexpr int kCount = 200;
    IoContext io{1};
    Inbox inbox(io);
    std::vector<int> order;
    std::vector<std::unique_ptr<Inbox::Waiter<int>>> places;
    for (int i = 0; i < 2 * kCount; ++i) {
        auto& place = *places.emplace_back(std::make_unique<Inbox::Waiter<int>>(inbox));
        // Each of the first half sets off one of the second.
        spawn(io, [](auto& waiter, auto& all, auto& out) -> Task<void> {
            int const value = co_await waiter.wait([] {});
            out.push_back(value);
            if (value < kCount) all[static_cast<std::size_t>(value + kCount)]->set(value + kCount);
        }(place, places, order));
    }
    io.poll();
    for (int i = 0; i < kCount; ++i)
        places[static_cast<std::size_t>(i)]->set(i);
    io.run();
    ASSERT_EQ(order.size(), 2U * kCount);
    EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(Inbox, TakesValuesFromManyThreads) {
    constexpr int kCount = 2'000;
    IoContext io{1};
    Inbox inbox(io);
    Waiters waiters;
    int sum = 0;
    for (int i = 0; i < kCount; ++i)
        spawn(io, take(inbox, waiters, sum));
    io.poll();
    ASSERT_EQ(waiters.size(), kCount);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (std::size_t i = t; i < waiters.size(); i += 4)
                waiters[i]->set(1);
        });
    }
    io.run();
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(sum, kCount);
}

TEST(Inbox, AValueMayBeThereAtOnce) {
    IoContext io{1};
    Inbox inbox(io);
    int got = 0;
    spawn(io, [](Inbox& in, int& out) -> Task<void> {
        Inbox::Waiter<int> waiter(in);
        out = co_await waiter.wait([&] { waiter.set(7); });
    }(inbox, got));
    io.run();
    EXPECT_EQ(got, 7);
}

TEST(Inbox, AnExceptionLeavesTheOthersTheirValues) {
    IoContext io{1};
    Inbox inbox(io);
    Waiters waiters;
    int sum = 0;
    for (int i = 0; i < 3; ++i)
        spawn(io, take(inbox, waiters, sum));
    io.poll();
    waiters[0]->set(-1);
    waiters[1]->set(10);
    waiters[2]->set(100);
    EXPECT_THROW(io.run(), std::runtime_error);
    io.run();
    EXPECT_EQ(sum, 110);
}

TEST(Inbox, AbandonsWhatNobodyTookOut) {
    auto alive = std::make_shared<int>();
    {
        IoContext io{1};
        Inbox inbox(io);
        Waiters waiters;
        int sum = 0;
        spawn(io, take(inbox, waiters, sum, alive));
        io.poll();
        ASSERT_EQ(alive.use_count(), 2);
        waiters[0]->set(1);
    }
    EXPECT_EQ(alive.use_count(), 1);
}

}  // namespace
}  // namespace capture::base
