// For this room's tests: a server on a loopback port and raw clients, all on the test's own thread.
// The loop runs only inside until(), which gives up after some seconds; time for the server's
// deadlines is the manual clock's.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/probes.h"
#include "http/server.h"

namespace capture::http {

/// Answers `<method> <route> <ip> <body>`.
class EchoHandler final : public Handler {
  public:
    explicit EchoHandler(std::size_t cap) : cap_(cap) {}
    base::Task<Response> serve(Request& request) override {
        ++served;
        auto body = co_await request.read_body(cap_);
        if (!body) co_return Response::error(body.error());
        largest_capacity = std::max(largest_capacity, body->capacity());
        std::string text(request.method_text());
        text.append(" ")
            .append(request.route())
            .append(" ")
            .append(request.client_ip())
            .append(" ");
        text.append(body->view());
        co_return Response::text(200, std::move(text));
    }
    int served = 0;
    std::size_t largest_capacity = 0;

  private:
    std::size_t cap_;
};

/// Answers 400 without looking at the body.
class HastyHandler final : public Handler {
  public:
    base::Task<Response> serve(Request&) override { co_return Response::text(400, "no"); }
};

class ThrowingHandler final : public Handler {
  public:
    base::Task<Response> serve(Request&) override {
        throw std::runtime_error("broken");
        co_return Response::empty(200);
    }
};

/// Answers when release() is called.
class SlowHandler final : public Handler {
  public:
    base::Task<Response> serve(Request&) override {
        ++running;
        bool const ok = co_await base::wait_for<bool>(
            [this](auto done) { waiting.push_back(std::move(done)); });
        --running;
        co_return Response::text(ok ? 200 : 500, "slow");
    }
    void release() {
        for (auto& done : std::exchange(waiting, {}))
            done(true);
    }
    int running = 0;
    std::vector<std::function<void(bool)>> waiting;
};

struct Answer {
    int status = 0;
    std::string head;  ///< status line and fields, in lower case
    std::string body;
    bool has(std::string_view text) const { return head.find(text) != std::string::npos; }
};

class ServerFixture : public testing::Test {
  public:
    static constexpr std::size_t kCap = 64 * 1024;

    ServerLimits limits;
    std::size_t soft = 16 << 20, hard = 32 << 20;
    std::optional<std::size_t> concurrency;

    base::ManualClock clock{base::Instant{1'700'000'000, 0}};
    telemetry::Registry registry{"capture", "events"};
    Probe probe{registry};
    PathLabels labels;
    std::atomic<bool> shutting_down{false};
    EchoHandler echo{kCap};
    HastyHandler hasty;
    ThrowingHandler throwing;
    SlowHandler slow;
    Probes probes{
        {.shutting_down = shutting_down, .metrics = [this] { return registry.expose(); }}};

    std::unique_ptr<base::Budget> budget;
    std::unique_ptr<ConcurrencyLimits> permits;
    std::unique_ptr<Router> router;
    base::IoContext io{1};
    std::unique_ptr<base::TimerWheel> timers;
    std::unique_ptr<Server> server;
    std::uint16_t port = 0;

    void start() {
        budget = std::make_unique<base::Budget>(soft, hard);
        permits = std::make_unique<ConcurrencyLimits>(concurrency);
        router = std::make_unique<Router>(probe, labels, *permits);
        timers = std::make_unique<base::TimerWheel>(io, clock, std::chrono::milliseconds(1));
        router->add_with_slash("/e", echo);
        router->add("/hasty", hasty);
        router->add("/throw", throwing);
        router->add("/slow", slow);
        probes.register_at(*router);
        server = std::make_unique<Server>(parts());
        auto const bound = server->listen("127.0.0.1:0");
        ASSERT_TRUE(bound) << bound.error();
        port = *bound;
        server->start();
    }
    Server::Parts parts() {
        return {io, clock, *budget, *timers, *router, probe, telemetry::Logger::silent(), limits};
    }

    /// Runs the loop until `ready`; false after five seconds.
    bool until(const std::function<bool()>& ready) {
        auto const end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        while (std::chrono::steady_clock::now() < end) {
            io.restart();
            io.poll();
            if (ready()) return true;
            io.restart();
            io.run_one_for(std::chrono::milliseconds(1));
        }
        return false;
    }
    /// Moves the server's clock and lets its timers see it.
    void pass(int ms) {
        clock.advance(std::chrono::milliseconds(ms));
        timers->advance();
    }
    ~ServerFixture() override {
        if (!server) return;
        server->stop();
        slow.release();
        EXPECT_TRUE(until([this] { return server->connections() == 0; }));
        EXPECT_EQ(budget->used(), 0u);
        EXPECT_EQ(probe.active.value(), 0);
        EXPECT_EQ(probe.open_connections.value(), 0);
    }
};

class Client {
  public:
    explicit Client(ServerFixture& fixture, int receive_buffer = 0)
        : fixture_(fixture), fd_(socket(AF_INET, SOCK_STREAM, 0)) {
        if (receive_buffer)
            setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(fixture.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() { close(); }

    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    void half_close() { shutdown(fd_, SHUT_WR); }
    /// Closes with a reset instead of a FIN.
    void reset() {
        linger const now{.l_onoff = 1, .l_linger = 0};
        setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        close();
    }
    /// False when the connection is gone before everything is sent.
    bool send(std::string_view bytes) {
        bool broken = false;
        return fixture_.until([&] {
            while (!bytes.empty()) {
                auto const n = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n < 0) {
                    broken = errno != EAGAIN;
                    return broken;
                }
                bytes.remove_prefix(static_cast<std::size_t>(n));
            }
            return true;
        }) && !broken;
    }
    /// Sends what the kernel takes, without running the loop.
    void send_some(std::string_view& bytes) {
        auto const n = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    bool send_blind(std::string_view bytes) {
        send_some(bytes);
        return bytes.empty();
    }
    /// The next answer; status 0 when the connection ended or nothing came.
    Answer answer(bool to_head = false) {
        Answer result;
        fixture_.until(
            [&] { return take(result, to_head) || (!receive() && !take(result, to_head)); });
        return result;
    }
    Answer ask(std::string_view bytes) {
        send(bytes);
        return answer();
    }
    /// Waits for the connection's end; false when it stays, or bytes are left.
    bool ended() {
        return fixture_.until([&] { return !receive(); }) && received_.empty();
    }
    std::string& received() { return received_; }

  private:
    // False once the connection has ended.
    bool receive() {
        char chunk[65536];
        for (;;) {
            auto const n = recv(fd_, chunk, sizeof(chunk), MSG_DONTWAIT);
            if (n > 0) received_.append(chunk, static_cast<std::size_t>(n));
            if (n == 0 || (n < 0 && errno != EAGAIN)) return false;
            if (n < 0) return true;
        }
    }
    bool take(Answer& result, bool to_head) {
        std::size_t const end = received_.find("\r\n\r\n");
        if (end == std::string::npos) return false;
        std::string head = received_.substr(0, end + 2);
        for (char& c : head) {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        }
        std::size_t length = 0;
        std::size_t const field = head.find("\r\ncontent-length: ");
        if (field != std::string::npos && !to_head) length = std::stoul(head.substr(field + 18));
        if (received_.size() < end + 4 + length) return false;
        result = {.status = std::stoi(head.substr(9, 3)),
                  .head = head,
                  .body = received_.substr(end + 4, length)};
        received_.erase(0, end + 4 + length);
        return true;
    }
    ServerFixture& fixture_;
    int fd_;
    std::string received_;
};

inline std::string post(std::string_view path, std::string_view body,
                        std::string_view fields = "") {
    std::string text =
        "POST " + std::string(path) + " HTTP/1.1\r\nContent-Length: " + std::to_string(body.size());
    return text.append("\r\n").append(fields).append("\r\n").append(body);
}

inline std::string chunked(std::string_view path, const std::vector<std::string>& chunks,
                           bool complete = true) {
    std::string text =
        "POST " + std::string(path) + " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const auto& chunk : chunks) {
        char size[20];
        std::snprintf(size, sizeof(size), "%zx\r\n", chunk.size());
        text.append(size).append(chunk).append("\r\n");
    }
    if (complete) text.append("0\r\n\r\n");
    return text;
}

}  // namespace capture::http
