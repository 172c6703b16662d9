#include "http/server.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <charconv>
#include <exception>
#include <utility>

#include "http/connection.h"

namespace capture::http {
namespace {

namespace asio = base::asio;
using Socket = asio::basic_stream_socket<Tcp, base::Executor>;
using Acceptor = asio::basic_socket_acceptor<Tcp, base::Executor>;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr std::string_view kTarget = "capture::server";
constexpr int kBacklog = 1024;
constexpr int kDrainAccepts = 1000;
constexpr int kDrainPollMillis = 1;
constexpr std::chrono::milliseconds kAcceptPause{1'000};

// The peer gave up before we got to it, or the network did: nothing is wrong with this process.
bool is_connection_error(const ErrorCode& error) {
    return error == asio::error::connection_refused || error == asio::error::connection_aborted ||
           error == asio::error::connection_reset;
}

std::optional<Tcp::endpoint> parse_endpoint(std::string_view text) {
    std::size_t const colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    std::string_view const port_text = text.substr(colon + 1);
    std::uint16_t port = 0;
    auto const [end, failed] =
        std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
    if (failed != std::errc() || end != port_text.data() + port_text.size()) return std::nullopt;
    bool const bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    ErrorCode error;
    auto const address = asio::ip::make_address(std::string(host), error);
    if (error || address.is_v6() != bracketed) return std::nullopt;
    return Tcp::endpoint(address, port);
}

}  // namespace

ServerLimits ServerLimits::from(const config::ServerSettings& settings) {
    static constexpr std::uint64_t kMaxMillis = 24 * 3600 * 1000;
    constexpr std::uint64_t kMaxFirstKib = 1024 * 1024;
    auto const millis = [](std::optional<std::uint64_t> value) {
        return value.transform([](std::uint64_t ms) {
            return Millis(static_cast<std::int64_t>(std::min(ms, kMaxMillis)));
        });
    };
    ServerLimits limits;
    limits.header_timeout = millis(settings.header_read_timeout_ms);
    limits.body_chunk_timeout = millis(settings.body_chunk_read_timeout_ms);
    limits.first_body_buffer = static_cast<std::size_t>(std::clamp<std::uint64_t>(
                                   settings.body_read_chunk_size_kb, 1, kMaxFirstKib)) *
                               1024;
    return limits;
}

struct Server::Impl {
    explicit Impl(const Parts& parts)
        : shared(std::make_shared<Worker>(parts)),
          worker(*shared),
          acceptor(parts.io.get_executor()) {}

    std::expected<std::uint16_t, std::string> listen(std::string_view address);
    void accept();
    void accepted(ErrorCode error, Socket socket);
    void serve(Socket socket, const Tcp::endpoint& peer, const Probe::Stage& stage);
    void drain_backlog();
    void drain(std::function<void()> callback);
    void check_drained();

    std::shared_ptr<Worker> shared;  ///< with the connections
    Worker& worker;
    Acceptor acceptor;
    Tcp::endpoint peer;  ///< of the connection being accepted
    std::function<void()> done;
    base::TimerWheel::Timer pause{[](void* self) { static_cast<Impl*>(self)->accept(); }, this};
};

std::expected<std::uint16_t, std::string> Server::Impl::listen(std::string_view address) {
    auto const endpoint = parse_endpoint(address);
    auto const failed = [&](const std::string& why) {
        return std::unexpected("cannot listen on " + std::string(address) + ": " + why);
    };
    if (!endpoint) return failed("expected IPv4:port or [IPv6]:port");
    ErrorCode error;
    acceptor.open(endpoint->protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.set_option(ReusePort(true), error);
    if (!error) acceptor.bind(*endpoint, error);
    if (!error) acceptor.listen(kBacklog, error);
    if (!error) acceptor.non_blocking(true, error);
    if (error) return failed(error.message());
    auto const bound = acceptor.local_endpoint(error);
    if (error) return failed(error.message());
    return bound.port();
}

void Server::Impl::accept() {
    if (worker.draining || !acceptor.is_open()) return;
    acceptor.async_accept(
        peer, [this](ErrorCode error, Socket socket) { accepted(error, std::move(socket)); });
}

void Server::Impl::accepted(ErrorCode error, Socket socket) {
    if (error == asio::error::operation_aborted) return;  // closed, or this server is gone
    const auto& stage = worker.parts.probe.accept;
    if (!error) {
        stage.accepted.add();
        serve(std::move(socket), peer, stage);
    } else if (is_connection_error(error)) {
        stage.connection.add();
    } else {
        stage.resources.add();
        worker.parts.log.error(kTarget, "accept failed, trying again in a second",
                               {{"error", error.message()}});
        worker.parts.timers.arm(pause, kAcceptPause);
        return;
    }
    accept();
}

void Server::Impl::serve(Socket socket, const Tcp::endpoint& from, const Probe::Stage& stage) {
    ErrorCode error;
    socket.set_option(Tcp::no_delay(true), error);
    if (error) {
        stage.nodelay_failed.add();
        worker.parts.log.warn(kTarget, "cannot set TCP_NODELAY", {{"error", error.message()}});
    }
    // A peer that vanished without a word is noticed in the end.
    socket.set_option(asio::socket_base::keep_alive(true), error);
    socket.non_blocking(true, error);
    int descriptor = -1;
    if (!error) descriptor = socket.release(error);
    if (error) {
        stage.closed.add();
        return;
    }
    auto connection = std::make_shared<Connection>(shared, descriptor, from, stage);
    auto coroutine = Connection::run(connection);
    asio::co_spawn(worker.parts.io.get_executor(), std::move(coroutine),
                   [this, ending = std::move(connection)](std::exception_ptr failure) mutable {
                       if (failure) {
                           try {
                               std::rethrow_exception(failure);
                           } catch (const std::exception& e) {
                               ending->escaped(e.what());
                           } catch (...) {
                               ending->escaped("unknown exception");
                           }
                       }
                       ending.reset();
                       check_drained();
                   });
}

// Connections that the kernel has established already were promised to be served.
void Server::Impl::drain_backlog() {
    const auto& stage = worker.parts.probe.drain;
    for (int i = 0; i < kDrainAccepts; ++i) {
        ErrorCode error;
        Tcp::endpoint from;
        Socket socket = acceptor.accept(from, error);
        if (error == asio::error::would_block) {
            pollfd waiting{.fd = acceptor.native_handle(), .events = POLLIN, .revents = 0};
            if (poll(&waiting, 1, kDrainPollMillis) <= 0) return;
            socket = acceptor.accept(from, error);
        }
        if (!error) {
            stage.accepted.add();
            serve(std::move(socket), from, stage);
        } else if (is_connection_error(error)) {
            stage.connection.add();
        } else {
            stage.resources.add();
            return;
        }
    }
}

void Server::Impl::drain(std::function<void()> callback) {
    worker.draining = true;
    done = std::move(callback);
    pause.cancel();
    ErrorCode ignored;
    if (acceptor.is_open()) {
        acceptor.cancel(ignored);
        drain_backlog();
        acceptor.close(ignored);
    }
    for (Connection* connection : worker.connections)
        connection->begin_drain();
    asio::post(worker.parts.io, [this] { check_drained(); });
}

void Server::Impl::check_drained() {
    if (!worker.draining || !worker.connections.empty() || !done) return;
    std::exchange(done, nullptr)();
}

Server::Server(const Parts& parts) : impl_(std::make_unique<Impl>(parts)) {}
Server::~Server() {
    stop();
    impl_->worker.admission.abandon();
}

std::expected<std::uint16_t, std::string> Server::listen(std::string_view address) {
    return impl_->listen(address);
}
void Server::start() {
    impl_->accept();
}
void Server::drain(std::function<void()> done) {
    impl_->drain(std::move(done));
}

void Server::stop() {
    ErrorCode ignored;
    impl_->pause.cancel();
    impl_->acceptor.close(ignored);
    // A closed socket completes its operations later, from the loop: no connection goes away here.
    for (Connection* connection : impl_->worker.connections)
        connection->abort();
}

std::size_t Server::connections() const {
    return impl_->worker.connections.size();
}

}  // namespace capture::http
