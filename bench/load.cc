// The load generator: one thread, raw sockets, prebuilt requests, every answer checked.
//
// Closed loop (default): each connection sends its next request when the last one is answered. Open
// loop (--rate): requests are due at fixed times and latency counts from the due time, so a stall
// of the server is not hidden by a client that waits for it. CPU time of the measured process is
// read from /proc, all threads, user and system.
//
//   capture_load --port 3000 --request batch.http --events 50 --connections 64 --seconds 10 --pid
//   1234
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

SteadyTime now() {
    return std::chrono::steady_clock::now();
}

double seconds_between(SteadyTime a, SteadyTime b) {
    return std::chrono::duration<double>(b - a).count();
}

struct Options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;
    std::vector<std::string> requests;
    std::vector<int> events;
    int connections = 32;
    double seconds = 10;
    double warmup = 1;
    double rate = 0;
    int pid = 0;
};

/// User and system time of all threads of a process, in seconds.
double cpu_seconds(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    std::size_t const close = line.rfind(')');
    if (close == std::string::npos) return 0;
    std::istringstream rest(line.substr(close + 1));
    std::string skip;
    for (int i = 0; i < 11; ++i)
        rest >> skip;
    double user = 0;
    double system = 0;
    rest >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

/// A line of /proc/<pid>/status in KiB, for example VmHWM (peak) or VmRSS.
long status_kib(int pid, const char* key) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(key)) return std::atol(line.c_str() + std::strlen(key) + 1);
    }
    return 0;
}

struct Result {
    std::uint64_t requests = 0;
    std::uint64_t events = 0;
    std::uint64_t ok = 0;
    std::uint64_t refused = 0;  ///< answered, but not 2xx
    std::uint64_t broken = 0;   ///< connection lost without an answer
    std::vector<float> latencies_us;
};

class Load {
  public:
    explicit Load(const Options& options) : options_(options) {
        for (std::string const& path : options.requests) {
            std::ifstream file(path, std::ios::binary);
            if (!file) throw std::runtime_error("cannot read " + path);
            texts_.emplace_back(std::istreambuf_iterator<char>(file),
                                std::istreambuf_iterator<char>());
        }
        epoll_ = epoll_create1(0);
        connections_.resize(static_cast<std::size_t>(options.connections));
        for (auto& connection : connections_)
            open(connection);
    }
    ~Load() {
        for (auto& connection : connections_)
            close(connection.fd);
        close(epoll_);
    }
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    Result run(double seconds) {
        result_ = {};
        SteadyTime const start = now();
        SteadyTime const end = start + std::chrono::duration_cast<SteadyTime::duration>(
                                           std::chrono::duration<double>(seconds));
        due_ = start;
        stopping_ = false;
        if (options_.rate <= 0) {
            for (auto& connection : connections_) {
                if (connection.idle) send_next(connection, now());
            }
        }
        while (true) {
            SteadyTime const at = now();
            if (at >= end) stopping_ = true;
            if (!stopping_ && options_.rate > 0) schedule(at);
            if (stopping_ && busy_ == 0) break;
            if (stopping_ && seconds_between(end, at) > 60)
                throw std::runtime_error("no answer within 60 s");
            poll(options_.rate > 0 && !stopping_ ? 1 : 100);
        }
        return std::move(result_);
    }

  private:
    struct Connection {
        int fd = -1;
        bool idle = true;
        std::size_t text = 0;
        std::size_t sent = 0;
        std::string received;
        SteadyTime since;
    };

    void open(Connection& connection) {
        connection.fd = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(options_.port);
        inet_pton(AF_INET, options_.host.c_str(), &address.sin_addr);
        if (connect(connection.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
            throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
        }
        int const one = 1;
        setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        fcntl(connection.fd, F_SETFL, O_NONBLOCK);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &connection;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
        connection.idle = true;
        connection.received.clear();
    }

    void schedule(SteadyTime at) {
        auto const interval = std::chrono::duration_cast<SteadyTime::duration>(
            std::chrono::duration<double>(1 / options_.rate));
        for (; due_ <= at; due_ += interval)
            waiting_.push_back(due_);
        for (auto& connection : connections_) {
            if (waiting_.empty()) break;
            if (!connection.idle) continue;
            SteadyTime const due = waiting_.front();
            waiting_.pop_front();
            send_next(connection, due);
        }
    }

    void send_next(Connection& connection, SteadyTime since) {
        connection.idle = false;
        connection.since = since;
        connection.text = next_text_++ % texts_.size();
        connection.sent = 0;
        ++busy_;
        write_some(connection);
    }

    void write_some(Connection& connection) {
        std::string const& text = texts_[connection.text];
        while (connection.sent < text.size()) {
            ssize_t const n = ::send(connection.fd, text.data() + connection.sent,
                                     text.size() - connection.sent, MSG_NOSIGNAL);
            if (n < 0) {
                if (errno == EAGAIN) return watch(connection, EPOLLIN | EPOLLOUT);
                return lost(connection);
            }
            connection.sent += static_cast<std::size_t>(n);
        }
    }

    void watch(Connection& connection, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.ptr = &connection;
        epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
    }

    void lost(Connection& connection) {
        if (!connection.idle) {
            ++result_.broken;
            --busy_;
        }
        close(connection.fd);
        open(connection);
        if (!stopping_ && options_.rate <= 0) send_next(connection, now());
    }

    void poll(int timeout_ms) {
        epoll_event events[256];
        int const n = epoll_wait(epoll_, events, 256, timeout_ms);
        for (int i = 0; i < n; ++i) {
            auto& connection = *static_cast<Connection*>(events[i].data.ptr);
            if (events[i].events & EPOLLOUT) {
                watch(connection, EPOLLIN);
                write_some(connection);
            }
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_some(connection);
        }
    }

    void read_some(Connection& connection) {
        char buffer[16384];
        ssize_t const n = recv(connection.fd, buffer, sizeof(buffer), 0);
        if (n <= 0) {
            if (n < 0 && errno == EAGAIN) return;
            return lost(connection);
        }
        connection.received.append(buffer, static_cast<std::size_t>(n));
        std::size_t const head_end = connection.received.find("\r\n\r\n");
        if (head_end == std::string::npos) return;
        std::size_t length = 0;
        if (std::size_t const at = connection.received.find("ontent-Length: "); at < head_end) {
            length = std::strtoul(connection.received.c_str() + at + 15, nullptr, 10);
        } else if (std::size_t const lower = connection.received.find("ontent-length: ");
                   lower < head_end) {
            length = std::strtoul(connection.received.c_str() + lower + 15, nullptr, 10);
        }
        if (connection.received.size() < head_end + 4 + length) return;
        answered(connection);
    }

    void answered(Connection& connection) {
        bool const ok = connection.received.size() > 9 && connection.received[9] == '2';
        bool const closing = connection.received.find("onnection: close") != std::string::npos;
        connection.received.clear();
        connection.idle = true;
        --busy_;
        ++result_.requests;
        if (ok) {
            ++result_.ok;
            result_.events += static_cast<std::uint64_t>(options_.events[connection.text]);
        } else {
            ++result_.refused;
        }
        result_.latencies_us.push_back(
            static_cast<float>(seconds_between(connection.since, now()) * 1e6));
        if (closing) {
            close(connection.fd);
            open(connection);
        }
        if (!stopping_ && options_.rate <= 0) send_next(connection, now());
    }

    const Options& options_;
    std::vector<std::string> texts_;
    std::vector<Connection> connections_;
    std::deque<SteadyTime> waiting_;
    Result result_;
    SteadyTime due_;
    std::size_t next_text_ = 0;
    std::size_t busy_ = 0;
    int epoll_ = -1;
    bool stopping_ = false;
};

double quantile(const std::vector<float>& sorted, double q) {
    if (sorted.empty()) return 0;
    return static_cast<double>(sorted[std::min(
        sorted.size() - 1, static_cast<std::size_t>(q * static_cast<double>(sorted.size())))]);
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{
        "Sends prebuilt requests to one server on loopback and reports throughput, CPU and latency "
        "as JSON"};
    app.add_option("--host", options.host);
    app.add_option("--port", options.port)->required();
    app.add_option("--request", options.requests,
                   "file with one complete HTTP request; several are sent in turn")
        ->required();
    app.add_option("--events", options.events, "events in each request file")->required();
    app.add_option("--connections", options.connections);
    app.add_option("--seconds", options.seconds);
    app.add_option("--warmup", options.warmup, "seconds before measuring");
    app.add_option("--rate", options.rate, "requests per second, open loop; 0 = closed loop");
    app.add_option("--pid", options.pid, "process whose CPU time and memory are reported");
    CLI11_PARSE(app, argc, argv);
    if (options.events.size() != options.requests.size()) {
        std::cerr << "one --events per --request\n";
        return 2;
    }
    if (options.host.rfind("127.", 0) != 0) {
        std::cerr << "load is sent to loopback only\n";
        return 2;
    }
    try {
        Load load(options);
        if (options.warmup > 0) load.run(options.warmup);
        double const cpu_before = options.pid ? cpu_seconds(options.pid) : 0;
        SteadyTime const start = now();
        Result result = load.run(options.seconds);
        double const wall = seconds_between(start, now());
        double const cpu = options.pid ? cpu_seconds(options.pid) - cpu_before : 0;
        std::sort(result.latencies_us.begin(), result.latencies_us.end());
        auto const per = [cpu](std::uint64_t n) {
            return n ? cpu * 1e6 / static_cast<double>(n) : 0;
        };
        std::printf(
            "{\"requests\":%lu,\"events\":%lu,\"ok\":%lu,\"refused\":%lu,\"broken\":%lu,"
            "\"seconds\":%.3f,"
            "\"cpu_seconds\":%.3f,\"cpu_us_per_request\":%.3f,\"cpu_us_per_event\":%.3f,"
            "\"p50_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f,\"max_us\":%.0f,"
            "\"rss_kib\":%ld,\"peak_rss_kib\":%ld}\n",
            result.requests, result.events, result.ok, result.refused, result.broken, wall, cpu,
            per(result.requests), per(result.events), quantile(result.latencies_us, .5),
            quantile(result.latencies_us, .99), quantile(result.latencies_us, .999),
            quantile(result.latencies_us, 1), options.pid ? status_kib(options.pid, "VmRSS") : 0,
            options.pid ? status_kib(options.pid, "VmHWM") : 0);
    } catch (const std::exception& error) {
        std::cerr << "capture_load: " << error.what() << "\n";
        return 1;
    }
    return 0;
}
