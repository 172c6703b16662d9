#include "base/thread_name.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <string>
#include <thread>

#include "base/work_pool.h"

namespace capture::base {
namespace {

std::string name_here() {
    std::array<char, 16> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    return name.data();
}

Task<void> ask(WorkPool& pool, std::string& name) {
    name = co_await pool.run([] { return name_here(); });
}

TEST(ThreadName, HoldsForItsScope) {
    auto const before = name_here();
    {
        ThreadName const name("worker-7");
        EXPECT_EQ(name_here(), "worker-7");
    }
    EXPECT_EQ(name_here(), before);
}

TEST(ThreadName, IsCutToWhatTheKernelKeeps) {
    ThreadName const name("kafka-SESSION_REPLAY_MAIN");
    EXPECT_EQ(name_here(), "kafka-SESSION_R");
}

TEST(ThreadName, IsInheritedByThreadsStartedMeanwhile) {
    WorkPool pool(1);
    IoContext io{1};
    std::string seen;
    asio::co_spawn(io.get_executor(), ask(pool, seen), asio::detached);
    io.run();
    EXPECT_EQ(seen, "pool");
}

}  // namespace
}  // namespace capture::base
