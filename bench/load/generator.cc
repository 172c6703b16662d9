#include "load/generator.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace capture::bench {
namespace {

using Clock = std::chrono::steady_clock;

Clock::duration to_duration(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}
double seconds_between(Clock::time_point a, Clock::time_point b) {
    return std::chrono::duration<double>(b - a).count();
}

[[noreturn]] void fail(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

/// A descriptor per connection and some more.
void allow_descriptors(int connections) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t const wanted = static_cast<rlim_t>(connections) + 64;
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = wanted;
    limit.rlim_max = std::max(limit.rlim_max, wanted);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("descriptors for the connections");
}

}  // namespace

Generator::Generator(const LoadOptions& options, RequestMix& mix) : options_(options), mix_(mix) {
    allow_descriptors(options.connections);
    epoll_ = epoll_create1(0);
    connections_.resize(static_cast<std::size_t>(options.connections));
    for (Connection& connection : connections_) {
        open(connection);
        idle_.push_back(&connection);
    }
}

Generator::~Generator() {
    for (Connection& connection : connections_)
        close(connection.fd);
    close(epoll_);
}

void Generator::open(Connection& connection) {
    connection.fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connection.fd < 0 ||
        connect(connection.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
        fail("connect");
    }
    int const one = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(connection.fd, F_SETFL, O_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
    connection.received.clear();
    connection.answered = false;
}

void Generator::reopen(Connection& connection) {
    close(connection.fd);
    open(connection);
}

LoadResult Generator::run(double seconds, std::uint64_t requests) {
    result_ = {};
    left_ = requests ? requests : std::numeric_limits<std::uint64_t>::max();
    stopping_ = false;
    Time const start = Clock::now();
    Time const end = start + to_duration(seconds);
    due_ = last_answer_ = start;
    if (closed_loop()) {
        for (std::size_t n = idle_.size(); n > 0; --n) {
            Connection& connection = *idle_.front();
            idle_.pop_front();
            release(connection);
        }
    }
    while (true) {
        Time const now = Clock::now();
        if (now >= end || left_ == 0) stopping_ = true;
        if (!stopping_ && !closed_loop()) fall_due(now);
        if (stopping_ && busy_ == 0) break;
        if (seconds_between(std::max(last_answer_, start), now) > 60)
            throw std::runtime_error("no answer within 60 s");
        wait(stopping_ || closed_loop() ? now + std::chrono::milliseconds(100)
                                        : std::min(due_, end));
    }
    // Due and never sent: no answer can have come any sooner.
    for (Time const due : waiting_)
        result_.latencies.add(seconds_between(due, last_answer_));
    result_.unsent = waiting_.size();
    waiting_.clear();
    result_.seconds = seconds_between(start, Clock::now());
    return std::move(result_);
}

Generator::Time Generator::next_due() {
    std::exponential_distribution<double> gap(options_.rate);
    return due_ + to_duration(gap(random_));
}

void Generator::fall_due(Time now) {
    for (; due_ <= now; due_ = next_due())
        waiting_.push_back(due_);
    while (!waiting_.empty() && !idle_.empty() && left_ > 0) {
        Connection& connection = *idle_.front();
        idle_.pop_front();
        Time const due = waiting_.front();
        waiting_.pop_front();
        start(connection, due);
    }
}

void Generator::start(Connection& connection, Time due) {
    connection.idle = false;
    connection.due = due;
    connection.request = &mix_.next();
    if (mix_.numbers_keys()) connection.copy = connection.request->bytes;
    connection.sent = 0;
    ++busy_;
    --left_;
    if (!closed_loop()) result_.lateness.add(seconds_between(due, Clock::now()));
    send_some(connection);
}

void Generator::send_some(Connection& connection) {
    std::string const& bytes = mix_.numbers_keys() ? connection.copy : connection.request->bytes;
    while (connection.sent < bytes.size()) {
        ssize_t const n = ::send(connection.fd, bytes.data() + connection.sent,
                                 bytes.size() - connection.sent, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN) return watch(connection, EPOLLIN | EPOLLOUT);
            // The server may have answered before it closed: receive() finds out.
            return watch(connection, EPOLLIN);
        }
        connection.sent += static_cast<std::size_t>(n);
    }
}

void Generator::watch(Connection& connection, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &connection;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
}

void Generator::wait(Time until) {
    auto const left = std::max(Clock::duration::zero(), until - Clock::now());
    timespec const timeout{
        .tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count(),
        .tv_nsec = std::chrono::nanoseconds(left % std::chrono::seconds(1)).count()};
    epoll_event events[256];
    int const n = epoll_pwait2(epoll_, events, 256, &timeout, nullptr);
    for (int i = 0; i < n; ++i) {
        auto& connection = *static_cast<Connection*>(events[i].data.ptr);
        if (events[i].events & EPOLLOUT) {
            watch(connection, EPOLLIN);
            send_some(connection);
        }
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(connection);
    }
}

void Generator::receive(Connection& connection) {
    char buffer[16384];
    ssize_t const n = recv(connection.fd, buffer, sizeof(buffer), 0);
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN) return;
        return lost(connection);
    }
    if (connection.idle) return reopen(connection);  // an answer to nothing, before it closes
    connection.received.append(buffer, static_cast<std::size_t>(n));
    if (complete(connection)) answered(connection);
}

bool Generator::complete(const Connection& connection) const {
    std::string const& text = connection.received;
    std::size_t const head = text.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    std::size_t length = 0;
    for (const char* const name : {"ontent-Length: ", "ontent-length: "}) {
        std::size_t const at = text.find(name);
        if (at < head) length = std::strtoul(text.c_str() + at + std::strlen(name), nullptr, 10);
    }
    return text.size() >= head + 4 + length;
}

void Generator::answered(Connection& connection) {
    last_answer_ = Clock::now();
    std::string const& text = connection.received;
    char const digit = text.size() > 9 ? text[9] : '0';
    ++result_.requests;
    ++result_.by_class[static_cast<std::size_t>(digit - '0') % 10];
    if (digit == '2') {
        ++result_.ok;
        result_.events += connection.request->events;
    }
    if (connection.request->expects(digit)) {
        result_.latencies.add(seconds_between(connection.due, last_answer_));
    } else if (++result_.unexpected == 1) {
        result_.first_unexpected = text.substr(0, text.find('\r'));
    }
    bool const closing = text.find("onnection: close") != std::string::npos;
    bool const unsent = connection.sent < (mix_.numbers_keys() ? connection.copy.size()
                                                               : connection.request->bytes.size());
    connection.received.clear();
    connection.answered = true;
    --busy_;
    if (closing || unsent) reopen(connection);
    release(connection);
}

void Generator::lost(Connection& connection) {
    if (!connection.idle) {
        ++result_.broken;
        --busy_;
        if (!connection.answered && result_.broken > connections_.size())
            throw std::runtime_error("the server closes every connection");
    }
    bool const was_idle = connection.idle;
    reopen(connection);
    if (!was_idle) release(connection);
}

/// The connection has nothing to do: it waits, or sends the next request.
void Generator::release(Connection& connection) {
    connection.idle = true;
    if (closed_loop() && !stopping_ && left_ > 0) return start(connection, Clock::now());
    idle_.push_back(&connection);
}

}  // namespace capture::bench
