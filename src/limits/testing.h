// For this room's tests: running a coroutine to its end, and real Redis servers on ports that the
// kernel picks.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/async.h"

extern char** environ;

namespace capture::limits::testing {

/// Runs the context until `task` has ended; fails the test after 20 s.
template <typename T>
T wait(base::IoContext& context, base::Task<T> task) {
    std::optional<T> result;
    std::exception_ptr escaped;
    bool ended = false;
    boost::asio::co_spawn(context, std::move(task), [&](std::exception_ptr e, T value) {
        escaped = e;
        result.emplace(std::move(value));
        ended = true;
    });
    context.restart();
    auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!ended && std::chrono::steady_clock::now() < deadline) {
        context.restart();
        context.run_one_for(std::chrono::milliseconds(100));
    }
    if (escaped) std::rethrow_exception(escaped);
    EXPECT_TRUE(ended) << "the coroutine did not end";
    if (!ended) std::abort();
    return std::move(*result);
}

inline base::Task<bool> then_true(base::Task<void> task) {
    co_await std::move(task);
    co_return true;
}
inline void wait(base::IoContext& context, base::Task<void> task) {
    wait(context, then_true(std::move(task)));
}

/// Runs the context until `condition` holds; fails the test after 20 s.
inline void run_until(base::IoContext& context, const std::function<bool()>& condition) {
    auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < deadline) {
        context.restart();
        context.run_one_for(std::chrono::milliseconds(10));
    }
    EXPECT_TRUE(condition());
}

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "limits-test-XXXXXX").string();
        if (!::mkdtemp(pattern.data())) std::abort();
        path_ = pattern;
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    std::string operator/(const char* name) const { return (path_ / name).string(); }
    std::string text() const { return path_.string(); }

  private:
    std::filesystem::path path_;
};

/// A port that was free a moment ago.
inline std::uint16_t free_port() {
    int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        std::abort();
    }
    ::close(fd);
    return ntohs(address.sin_port);
}

/// Runs a program to its end and returns its exit status.
inline int run_program(std::vector<std::string> arguments) {
    std::vector<char*> argv;
    for (std::string& argument : arguments)
        argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    pid_t pid = 0;
    int status = -1;
    if (::posix_spawnp(&pid, argv[0], &quiet, nullptr, argv.data(), environ) == 0)
        ::waitpid(pid, &status, 0);
    posix_spawn_file_actions_destroy(&quiet);
    return status;
}

/// A redis-server of our own, answering when the constructor returns.
class RealRedis {
  public:
    explicit RealRedis(std::vector<std::string> extra = {}, std::uint16_t port = 0,
                       bool tls = false)
        : port_(port ? port : free_port()) {
        std::string const number = std::to_string(port_);
        std::vector<std::string> arguments{
            "redis-server", "--bind", "127.0.0.1",       "--save",       "",
            "--appendonly", "no",     "--dir",           folder_.text(), "--daemonize",
            "no",           "--port", tls ? "0" : number};
        if (tls) arguments.insert(arguments.end(), {"--tls-port", number});
        arguments.insert(arguments.end(), extra.begin(), extra.end());
        std::vector<char*> argv;
        for (std::string& argument : arguments)
            argv.push_back(argument.data());
        argv.push_back(nullptr);
        posix_spawn_file_actions_t quiet;
        posix_spawn_file_actions_init(&quiet);
        posix_spawn_file_actions_addopen(&quiet, 1, (folder_ / "log").c_str(), O_WRONLY | O_CREAT,
                                         0600);
        EXPECT_EQ(::posix_spawnp(&pid_, argv[0], &quiet, nullptr, argv.data(), environ), 0)
            << "redis-server is not installed";
        posix_spawn_file_actions_destroy(&quiet);
        EXPECT_TRUE(answers()) << "redis-server did not come up";
    }
    ~RealRedis() { kill(); }
    RealRedis(const RealRedis&) = delete;
    RealRedis& operator=(const RealRedis&) = delete;

    std::uint16_t port() const { return port_; }
    std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
    void pause() { ::kill(pid_, SIGSTOP); }
    void resume() { ::kill(pid_, SIGCONT); }
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

  private:
    /// Polls the port: the server tells nobody that it is ready.
    bool answers() const {
        for (int i = 0; i < 1000; ++i) {
            int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(port_);
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            bool const up =
                ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
            ::close(fd);
            if (up) return ::waitpid(pid_, nullptr, WNOHANG) == 0;
            ::usleep(5000);
        }
        return false;
    }

    TemporaryFolder folder_;
    std::uint16_t port_;
    pid_t pid_ = 0;
};

}  // namespace capture::limits::testing
