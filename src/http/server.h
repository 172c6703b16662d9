// One worker's HTTP server: a listener of its own on the shared port (SO_REUSEPORT) and the
// connections it accepted. Contract 80 §5 and §8, 10 §4.
//
//   Server server({io, clock, budget, timers, router, probe, log, limits});
//   auto port = server.listen("127.0.0.1:0");   // the next worker listens on the port that this
//   one got server.start(); io.run();                                    // the worker thread
//   post(io, [&] { server.drain(done); });       // shutdown: see drain()
//
// Worker thread only, but for the constructor and listen(), which run before the thread starts.
// Destroy it when drain() has called back, or when its io_context will not run again. Coroutines
// that are left then die with the io_context, so budget, router, probe and log are declared before
// the io_context, the timer wheel and the server after it.
//
// Descriptors: when the process has none left, accepting pauses for a second and tries again;
// raising RLIMIT_NOFILE is the application's business.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/async.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/timer_wheel.h"
#include "config/settings.h"
#include "http/probe.h"
#include "http/router.h"
#include "telemetry/log.h"

namespace capture::http {

struct ServerLimits {
    using Millis = std::chrono::milliseconds;
    static ServerLimits from(const config::ServerSettings& settings);

    std::optional<Millis>
        header_timeout;  ///< HTTP1_HEADER_READ_TIMEOUT_MS, from a request's first byte
    std::optional<Millis> body_chunk_timeout;    ///< BODY_CHUNK_READ_TIMEOUT_MS
    std::size_t first_body_buffer = 256 * 1024;  ///< BODY_READ_CHUNK_SIZE_KB
    // Not configurable; tests shorten them.
    Millis rejected_drain{5'000};  ///< throwing away the rest of a body over the cap, in total
    Millis budget_wait{5'000};     ///< a new body above the soft limit
    Millis write_stall{30'000};    ///< a client that does not take its answer
    Millis unread_body{5'000};     ///< the rest of a small body that its handler did not want
    Millis linger{2'000};          ///< between the last answer and closing, so that it arrives
    Millis fresh_grace{1'000};     ///< a connection without a request when draining begins
};

class Server {
  public:
    struct Parts {
        base::IoContext& io;
        const base::Clock& clock;
        base::Budget& budget;
        base::TimerWheel& timers;
        Router& router;
        const Probe& probe;
        telemetry::Logger& log;
        ServerLimits limits;
    };

    explicit Server(const Parts& parts);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Binds `IPv4:port` or `[IPv6]:port` and listens; the bound port. Connections wait in the
    /// kernel until start(). The error is a text that names the address.
    std::expected<std::uint16_t, std::string> listen(std::string_view address);
    void start();

    /// Orderly end: accepts what already waits in the backlog, closes the listener and the idle
    /// connections, lets requests in flight finish with `Connection: close`, then calls `done`
    /// once, from the worker's loop.
    void drain(std::function<void()> done);
    /// Closes every socket now. Requests that wait for something else than their client still run
    /// to their end.
    void stop();

    std::size_t connections() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace capture::http
