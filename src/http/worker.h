// What the connections of one worker share. Included by this room's .cc files only. Worker thread
// only.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/async.h"
#include "http/body_admission.h"
#include "http/response_writer.h"
#include "http/server.h"
#include "http/stream.h"
#include "telemetry/rate_limited.h"

namespace capture::http {

using Tcp = base::asio::ip::tcp;

class Connection;

/// Where the first bytes of every request are read: one piece of memory for all connections, so
/// that it stays in the cache. It is the connection's that read last, until another reads.
class ReadBuffer {
  public:
    static constexpr std::size_t kSize = 8 * 1024;

    ReadBuffer() : bytes_(kSize) {}
    /// The last user takes along what it has not consumed yet.
    char* take(Connection& user);
    void leave(const Connection& user) {
        if (user_ == &user) user_ = nullptr;
    }

  private:
    std::vector<char> bytes_;
    Connection* user_ = nullptr;
};

struct Worker {
    explicit Worker(const Server::Parts& p)
        : parts(p),
          readiness(Readiness::open(p.io)),
          discard(64 * 1024),
          admission(p.budget, p.timers) {}
    ~Worker() { readiness->close(); }

    Server::Parts parts;
    const std::shared_ptr<Readiness> readiness;
    ReadBuffer reads;
    DateText date;
    ResponseWriter answer;      ///< the one being sent; never kept across a suspension
    std::vector<char> discard;  ///< where unwanted bytes go; its content means nothing
    bool draining = false;
    std::vector<Connection*> connections;
    BodyAdmission admission;
    // One client must not fill the log.
    telemetry::RateLimited stalled{10, std::chrono::seconds(1)};
    telemetry::RateLimited abandoned{10, std::chrono::seconds(1)};
    telemetry::RateLimited failed{10, std::chrono::seconds(1)};
};

}  // namespace capture::http
