// What the connections of one worker share. Included by this room's .cc files only. Worker thread
// only.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "base/async.h"
#include "http/body_admission.h"
#include "http/response_writer.h"
#include "http/server.h"
#include "telemetry/rate_limited.h"

namespace capture::http {

using Tcp = base::asio::ip::tcp;
using Socket = base::asio::basic_stream_socket<Tcp, base::Executor>;
using ErrorCode = boost::system::error_code;

class Connection;

struct Worker {
    explicit Worker(const Server::Parts& p)
        : parts(p), discard(64 * 1024), admission(p.budget, p.timers) {}

    Server::Parts parts;
    DateText date;
    std::string out;            ///< the answer being written; never kept across a suspension
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
