// The load itself: one thread, non-blocking sockets, every answer read and its status counted.
//
// Closed loop: each connection sends its next request when the last one is answered. Open loop:
// requests are due at moments that depend on nothing the server does (a Poisson process of fixed
// seed), the first idle connection takes the one that has been due longest, and its latency counts
// from the moment it was due. A stall of the server therefore is in the latencies of all requests
// that fell due meanwhile, sent or not.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "load/latencies.h"
#include "load/request_mix.h"

namespace capture::bench {

struct LoadOptions {
    std::uint16_t port = 0;
    int connections = 32;
    double rate = 0;  ///< requests per second, open loop; 0 = closed loop
};

struct LoadResult {
    double seconds = 0;  ///< until the last answer
    std::uint64_t requests = 0;
    std::uint64_t ok = 0;                      ///< answered 2xx
    std::uint64_t events = 0;                  ///< in those
    std::array<std::uint64_t, 10> by_class{};  ///< by the status' first digit
    std::uint64_t unexpected = 0;              ///< answered otherwise than the manifest says
    std::uint64_t broken = 0;                  ///< connection lost without an answer
    std::uint64_t unsent = 0;                  ///< due, but every connection was busy to the end
    std::string first_unexpected;              ///< what it was
    Latencies latencies;  ///< of expected answers, and at least so long of what was never sent
    Latencies lateness;   ///< from due to sent: what the generator and its connections add
};

class Generator {
  public:
    /// Connects. Throws std::runtime_error.
    Generator(const LoadOptions& options, RequestMix& mix);
    ~Generator();
    Generator(const Generator&) = delete;
    Generator& operator=(const Generator&) = delete;

    /// Sends for so long, or until so many requests are sent (0 = no limit), then waits for the
    /// answers. Throws when none comes for 60 s.
    LoadResult run(double seconds, std::uint64_t requests = 0);

  private:
    using Time = std::chrono::steady_clock::time_point;

    struct Connection {
        int fd = -1;
        bool idle = true;
        bool answered = false;  ///< since connecting
        const Prebuilt* request = nullptr;
        std::string copy;  ///< of a request with numbered keys
        std::size_t sent = 0;
        std::string received;
        Time due;
    };

    void open(Connection& connection);
    void reopen(Connection& connection);
    void fall_due(Time now);
    Time next_due();
    void start(Connection& connection, Time due);
    void send_some(Connection& connection);
    void watch(Connection& connection, std::uint32_t events);
    void wait(Time until);
    void receive(Connection& connection);
    bool complete(const Connection& connection) const;
    void answered(Connection& connection);
    void lost(Connection& connection);
    void release(Connection& connection);
    bool closed_loop() const { return options_.rate <= 0; }

    const LoadOptions options_;
    RequestMix& mix_;
    std::vector<Connection> connections_;
    std::deque<Connection*> idle_;
    std::deque<Time> waiting_;
    std::mt19937_64 random_{1};
    LoadResult result_;
    Time due_;
    Time last_answer_;
    std::uint64_t left_ = 0;
    std::size_t busy_ = 0;
    int epoll_ = -1;
    bool stopping_ = false;
};

}  // namespace capture::bench
