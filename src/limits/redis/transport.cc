#include "limits/redis/transport.h"

#include <openssl/err.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <vector>

namespace capture::limits::redis {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;
using Socket = asio::basic_stream_socket<Protocol, base::Executor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, base::Executor>;
using Resolver = asio::ip::basic_resolver<asio::ip::tcp, base::Executor>;

constexpr auto kTuple = asio::as_tuple(base::use_task);

Error unreachable(const Url& url, std::string_view step, std::string_view cause) {
    std::string text(step);
    text.append(" ").append(url.place()).append(": ").append(cause);
    return Error{Failure::Unreachable, std::move(text)};
}

/// Adds the authorities of a PEM file; returns what is wrong with it.
std::string trust(ssl::context& context, const std::string& ca_file) {
    error_code error;
    context.load_verify_file(ca_file, error);
    return error ? "cannot read the CA file " + ca_file + ": " + error.message() : std::string();
}

class PlainTransport final : public Transport {
  public:
    explicit PlainTransport(base::IoContext& context) : socket(context) {}
    void read_some(std::span<char> into, Done done) override {
        socket.async_read_some(asio::buffer(into.data(), into.size()), std::move(done));
    }
    void write(std::string_view bytes, Done done) override {
        asio::async_write(socket, asio::buffer(bytes.data(), bytes.size()), std::move(done));
    }
    void close() override {
        error_code ignored;
        socket.close(ignored);
    }

    Socket socket;
};

class TlsTransport final : public Transport {
  public:
    TlsTransport(std::shared_ptr<PlainTransport> plain, ssl::context& context)
        : stream(plain->socket, context), plain_(std::move(plain)) {}
    void read_some(std::span<char> into, Done done) override {
        stream.async_read_some(asio::buffer(into.data(), into.size()), std::move(done));
    }
    void write(std::string_view bytes, Done done) override {
        asio::async_write(stream, asio::buffer(bytes.data(), bytes.size()), std::move(done));
    }
    void close() override { plain_->close(); }

    ssl::stream<Socket&> stream;

  private:
    std::shared_ptr<PlainTransport> plain_;
};

class AnyConnector final : public Connector {
  public:
    AnyConnector(base::IoContext& context, Url url)
        : context_(context), url_(std::move(url)), timer_(context) {}

    std::expected<void, std::string> prepare_tls(const std::string& ca_file) {
        if (!url_.tls) return {};
        tls_.emplace(ssl::context::tls_client);
        tls_->set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 |
                          ssl::context::no_tlsv1_1);
        if (!url_.verify) {
            tls_->set_verify_mode(ssl::verify_none);
            return {};
        }
        tls_->set_verify_mode(ssl::verify_peer);
        error_code ignored;  // without any authority every handshake fails, and says so
        if (ca_file.empty()) {
            tls_->set_default_verify_paths(ignored);
            return {};
        }
        if (auto problem = trust(*tls_, ca_file); !problem.empty())
            return std::unexpected(std::move(problem));
        return {};
    }

    base::Task<Result<std::shared_ptr<Transport>>> connect(
        std::chrono::milliseconds limit) override {
        auto plain = std::make_shared<PlainTransport>(context_);
        expired_ = cancelled_ = false;
        current_ = plain;
        if (limit.count() > 0) {
            timer_.expires_after(limit);
            timer_.async_wait([this, weak = std::weak_ptr(plain)](error_code error) {
                if (error) return;
                auto const still = weak.lock();
                if (!still || still != current_) return;
                expired_ = true;
                abort_attempt();
            });
        }
        Result<std::shared_ptr<Transport>> outcome = co_await attempt(plain);
        timer_.cancel();
        current_.reset();
        co_return outcome;
    }

    void cancel() override {
        cancelled_ = true;
        abort_attempt();
    }

  private:
    void abort_attempt() {
        if (current_) current_->close();
        if (auto give_up = std::exchange(give_up_resolving_, nullptr)) give_up();
    }

    Error failed(std::string_view step, const error_code& error) const {
        if (expired_) return unreachable(url_, step, "timed out");
        if (cancelled_) return unreachable(url_, step, "closed");
        return unreachable(url_, step, error.message());
    }

    struct Names {
        error_code error;
        std::vector<Protocol::endpoint> endpoints;
    };

    /// getaddrinfo cannot be interrupted, so it is left behind when the attempt ends first.
    base::Task<Names> resolve() {
        auto const resolver = std::make_shared<Resolver>(context_);
        // Named, and without captures that need destruction: g++ 12 destroys a temporary one twice.
        auto const start = [this, &resolver](auto done) {
            auto open = std::make_shared<bool>(true);
            give_up_resolving_ = [open, done]() mutable {
                if (std::exchange(*open, false)) done(Names{asio::error::operation_aborted, {}});
            };
            resolver->async_resolve(
                url_.host, std::to_string(url_.port),
                [open, done, kept = resolver](error_code error,
                                              const Resolver::results_type& results) mutable {
                    if (!std::exchange(*open, false)) return;
                    Names names{error, {}};
                    for (auto const& entry : results)
                        names.endpoints.emplace_back(entry.endpoint());
                    done(std::move(names));
                });
        };
        co_return co_await base::wait_for<Names>(start);
    }

    base::Task<Result<std::shared_ptr<Transport>>> attempt(std::shared_ptr<PlainTransport> plain) {
        Names names;
        if (!url_.unix_path.empty()) {
            names.endpoints.emplace_back(asio::local::stream_protocol::endpoint(url_.unix_path));
        } else {
            names = co_await resolve();
            give_up_resolving_ = nullptr;
        }
        if (names.error) co_return std::unexpected(failed("cannot resolve", names.error));

        error_code error = asio::error::host_not_found;
        for (const Protocol::endpoint& endpoint : names.endpoints) {
            if (expired_ || cancelled_) break;
            error_code ignored;
            plain->socket.close(ignored);
            auto const [connected] = co_await plain->socket.async_connect(endpoint, kTuple);
            error = connected;
            if (!error) break;
        }
        if (error || expired_ || cancelled_)
            co_return std::unexpected(failed("cannot connect to", error));
        if (url_.unix_path.empty()) {
            error_code ignored;
            plain->socket.set_option(asio::ip::tcp::no_delay(true), ignored);
            plain->socket.set_option(asio::socket_base::keep_alive(true), ignored);
        }
        if (!tls_) co_return std::shared_ptr<Transport>(std::move(plain));

        auto secure = std::make_shared<TlsTransport>(plain, *tls_);
        if (url_.verify)
            secure->stream.set_verify_callback(ssl::host_name_verification(url_.host), error);
        error_code not_an_address;
        asio::ip::make_address(url_.host, not_an_address);
        if (not_an_address)
            SSL_set_tlsext_host_name(secure->stream.native_handle(), url_.host.c_str());
        auto const [shaken] =
            co_await secure->stream.async_handshake(ssl::stream_base::client, kTuple);
        if (shaken) co_return std::unexpected(failed("TLS handshake failed with", shaken));
        co_return std::shared_ptr<Transport>(std::move(secure));
    }

    base::IoContext& context_;
    Url url_;
    std::optional<ssl::context> tls_;
    Timer timer_;
    std::shared_ptr<PlainTransport> current_;
    std::function<void()> give_up_resolving_;
    bool expired_ = false;
    bool cancelled_ = false;
};

}  // namespace

base::Task<std::pair<error_code, std::size_t>> Transport::receive(std::span<char> into) {
    using Outcome = std::pair<error_code, std::size_t>;
    auto const start = [this, into](auto done) {
        read_some(into, [done](error_code error, std::size_t size) mutable {
            done(Outcome(error, size));
        });
    };
    co_return co_await base::wait_for<Outcome>(start);
}

base::Task<error_code> Transport::send(std::string_view bytes) {
    using Outcome = std::pair<error_code, std::size_t>;
    auto const start = [this, bytes](auto done) {
        write(bytes,
              [done](error_code error, std::size_t size) mutable { done(Outcome(error, size)); });
    };
    Outcome const outcome = co_await base::wait_for<Outcome>(start);
    co_return outcome.first;
}

std::string ca_file_problem(const std::string& path) {
    ssl::context context(ssl::context::tls_client);
    return trust(context, path);
}

std::expected<std::unique_ptr<Connector>, std::string> make_connector(base::IoContext& context,
                                                                      const Url& url,
                                                                      const std::string& ca_file) {
    auto connector = std::make_unique<AnyConnector>(context, url);
    if (auto ready = connector->prepare_tls(ca_file); !ready) return std::unexpected(ready.error());
    return connector;
}

}  // namespace capture::limits::redis
