#include "limits/redis/client.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <exception>
#include <functional>
#include <random>

#include "limits/redis/transport.h"
#include "limits/redis/wire.h"

namespace capture::limits::redis {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, base::Executor>;

constexpr std::string_view kTarget = "capture::limits::redis";
constexpr milliseconds kFirstBackoff{50};
constexpr milliseconds kLastBackoff{1000};
constexpr std::uint32_t kLogEvery =
    60;  ///< while away: the first failure, then about one line a minute

Error closed() {
    return Error{Failure::Unreachable, "the client is closed"};
}

/// One caller's commands. Once `done` is empty the caller has its answer; replies that still come
/// are skipped.
struct Pending {
    Commands commands;
    std::size_t count = 0;  ///< replies due in all
    Replies replies;
    std::size_t skipped = 0;
    std::function<void(Result<Replies>)> done;
    std::optional<Timer> timer;
    std::chrono::steady_clock::time_point sent{};

    void finish(Result<Replies> outcome) {
        if (timer) timer->cancel();
        if (auto callback = std::exchange(done, nullptr)) callback(std::move(outcome));
    }
};
using PendingPtr = std::shared_ptr<Pending>;

}  // namespace

struct Client::Impl : std::enable_shared_from_this<Impl> {
    Impl(base::IoContext& io, ClientOptions settings, const ClientProbe& handles,
         telemetry::Logger& log, const base::Clock& time)
        : context(io),
          options(std::move(settings)),
          probe(handles),
          logger(log),
          clock(time),
          pause(io) {}

    base::IoContext& context;
    ClientOptions options;
    ClientProbe probe;
    telemetry::Logger& logger;
    const base::Clock& clock;
    std::unique_ptr<Connector> connector;
    Timer pause;
    std::minstd_rand random{std::random_device{}()};

    std::deque<PendingPtr> waiting;        ///< not yet sent
    std::deque<PendingPtr> in_flight;      ///< sent, in order
    std::size_t queued = 0;                ///< commands in both
    std::shared_ptr<Transport> transport;  ///< set while connected
    std::string outgoing;                  ///< being written
    bool writing = false;
    bool started = false;
    bool closing = false;
    std::chrono::steady_clock::time_point heard{};
    std::uint32_t failures = 0;  ///< attempts since the last connection

    void drop(std::deque<PendingPtr>& queue, const Error& error) {
        std::deque<PendingPtr> all;
        all.swap(queue);
        for (PendingPtr& pending : all) {
            queued -= pending->count;
            pending->finish(std::unexpected(error));
        }
    }

    void flush() {
        if (!transport || writing || waiting.empty()) return;
        outgoing.clear();
        auto const now = clock.steady();
        if (in_flight.empty()) heard = now;  // silence counts from the first unanswered command
        while (!waiting.empty()) {
            PendingPtr pending = std::move(waiting.front());
            waiting.pop_front();
            if (!pending->done) {  // timed out before it could be sent
                queued -= pending->count;
                continue;
            }
            outgoing += pending->commands.wire();
            pending->commands = Commands();
            pending->sent = now;
            in_flight.push_back(std::move(pending));
        }
        if (outgoing.empty()) return;
        writing = true;
        transport->write(outgoing, [self = shared_from_this(), through = transport](
                                       error_code error, std::size_t) {
            self->writing = false;
            if (error) {
                through->close();  // the reader notices
            } else {
                self->flush();
            }
        });
    }

    void expire(const PendingPtr& pending) {
        pending->finish(std::unexpected(Error{Failure::Timeout, "no reply in time"}));
        if (transport && !in_flight.empty() && clock.steady() - heard > options.stall_limit) {
            logger.warn(kTarget, "Redis is silent, connecting anew",
                        {{"role", options.role}, {"address", options.url.place()}});
            transport->close();
        }
    }

    void arm(const PendingPtr& pending, milliseconds timeout) {
        milliseconds limit = options.response_timeout;
        if (!transport) {
            // Without limits of its own the connection attempt ends by itself, and the command with
            // it.
            bool const endless = limit.count() == 0 || options.connection_timeout.count() == 0;
            limit = endless ? milliseconds(0) : limit + options.connection_timeout + kLastBackoff;
        }
        if (timeout.count() >= 0 && (limit.count() == 0 || timeout < limit)) limit = timeout;
        if (limit.count() <= 0 && timeout.count() != 0) return;
        pending->timer.emplace(context, limit);
        pending->timer->async_wait(
            [self = shared_from_this(), weak = std::weak_ptr(pending)](error_code error) {
                auto const still = weak.lock();
                if (!error && still && still->done) self->expire(still);
            });
    }

    void count(const Result<Replies>& outcome) {
        if (!outcome) {
            switch (outcome.error().failure) {
                case Failure::Timeout:
                    return probe.timeout.add();
                case Failure::QueueFull:
                    return probe.queue_full.add();
                case Failure::Unreachable:
                    return probe.unreachable.add();
                default:
                    return probe.protocol.add();
            }
        }
        std::size_t bad = 0;
        for (const Reply& reply : *outcome)
            bad += reply.kind == Reply::Kind::Error;
        if (bad) probe.refused.add(static_cast<double>(bad));
        if (outcome->size() > bad) probe.ok.add(static_cast<double>(outcome->size() - bad));
    }

    void submit(Commands commands, milliseconds timeout,
                std::function<void(Result<Replies>)> done) {
        std::size_t const size = commands.count();
        if (closing) return done(std::unexpected(closed()));
        if (size == 0) return done(Replies());
        // One large batch is let in when nothing else waits, whatever its size.
        if (queued > 0 && queued + size > options.max_queued) {
            return done(
                std::unexpected(Error{Failure::QueueFull, "too many commands are waiting"}));
        }
        auto pending = std::make_shared<Pending>();
        pending->commands = std::move(commands);
        pending->count = size;
        pending->done = std::move(done);
        queued += size;
        arm(pending, timeout);
        waiting.push_back(std::move(pending));
        flush();
    }

    /// False when a reply came that nobody asked for.
    bool take(Reply reply) {
        if (in_flight.empty()) return false;
        if (reply.kind == Reply::Kind::Error && reply.text.starts_with("READONLY")) {
            // The writer became a replica (failover): its name leads elsewhere now.
            transport->close();
        }
        PendingPtr& front = in_flight.front();
        if (front->done) {
            front->replies.push_back(std::move(reply));
        } else {
            ++front->skipped;
        }
        if (front->replies.size() + front->skipped < front->count) return true;
        PendingPtr complete = std::move(front);
        in_flight.pop_front();
        queued -= complete->count;
        complete->finish(std::move(complete->replies));
        return true;
    }

    base::Task<std::string> read_until_broken(std::shared_ptr<Transport> through) {
        WireReader reader;
        std::array<char, 16 << 10> block;
        while (true) {
            auto const [error, size] = co_await through->receive(block);
            if (error) co_return error.message();
            heard = clock.steady();
            if (!reader.feed({block.data(), size})) co_return "reply too large";
            while (auto reply = reader.next()) {
                if (!take(std::move(*reply))) co_return "a reply that nobody asked for";
            }
            if (reader.broken()) co_return "not a Redis reply";
        }
    }

    /// AUTH, SELECT and a PING, before other commands may pass.
    base::Task<Result<void>> greet(std::shared_ptr<Transport> through) {
        Commands hello;
        const Url& url = options.url;
        if (!url.user.empty()) {
            hello.add({"AUTH", url.user, url.password});
        } else if (!url.password.empty()) {
            hello.add({"AUTH", url.password});
        }
        if (url.database != 0) {
            std::string const database = std::to_string(url.database);
            hello.add({"SELECT", database});
        }
        std::size_t const must_succeed = hello.count();
        hello.add({"PING"});
        if (error_code const error = co_await through->send(hello.wire()); error) {
            co_return std::unexpected(Error{Failure::Unreachable, error.message()});
        }
        WireReader reader;
        std::array<char, 4096> block;
        std::size_t seen = 0;
        while (seen < hello.count()) {
            auto const [error, size] = co_await through->receive(block);
            if (error) co_return std::unexpected(Error{Failure::Unreachable, error.message()});
            if (!reader.feed({block.data(), size}))
                co_return std::unexpected(Error{Failure::Protocol, "bad greeting"});
            while (auto reply = reader.next()) {
                bool const refused = reply->kind == Reply::Kind::Error;
                // An ACL may forbid PING; that it answers at all is what counts.
                if (refused && (seen < must_succeed || reply->text.starts_with("NOAUTH"))) {
                    co_return std::unexpected(Error{Failure::Refused, reply->text});
                }
                ++seen;
            }
            if (reader.broken())
                co_return std::unexpected(Error{Failure::Protocol, "not a Redis server"});
        }
        co_return Result<void>();
    }

    base::Task<Result<std::shared_ptr<Transport>>> open() {
        Result<std::shared_ptr<Transport>> fresh =
            co_await connector->connect(options.connection_timeout);
        if (!fresh) co_return fresh;
        std::optional<Timer> limit;
        auto late = std::make_shared<bool>(false);
        if (options.connection_timeout.count() > 0) {
            limit.emplace(context, options.connection_timeout);
            limit->async_wait([late, weak = std::weak_ptr(*fresh)](error_code error) {
                auto const still = weak.lock();
                if (error || !still) return;
                *late = true;
                still->close();
            });
        }
        greeting = *fresh;
        Result<void> greeted = co_await greet(*fresh);
        greeting.reset();
        if (limit) limit->cancel();
        if (greeted) co_return fresh;
        (*fresh)->close();
        Error error = std::move(greeted.error());
        if (*late) error = Error{Failure::Unreachable, "no answer to the greeting in time"};
        error.message = options.url.place() + ": " + error.message;
        co_return std::unexpected(std::move(error));
    }
    std::shared_ptr<Transport> greeting;

    milliseconds backoff() {
        milliseconds base = kFirstBackoff * (1 << std::min<std::uint32_t>(failures, 5));
        base = std::min(base, kLastBackoff);
        // Between half and all of it, so that a fleet does not return in step.
        return base / 2 + milliseconds(random() % static_cast<std::uint32_t>(base.count() / 2 + 1));
    }

    base::Task<void> sleep(milliseconds time) {
        pause.expires_after(time);
        co_await pause.async_wait(asio::as_tuple(base::use_task));
    }

    base::Task<void> work() {
        while (!closing) {
            Result<std::shared_ptr<Transport>> fresh = co_await open();
            if (closing) {
                if (fresh) (*fresh)->close();
                break;
            }
            if (!fresh) {
                if (failures++ % kLogEvery == 0) {
                    logger.error(kTarget, "Redis cannot be reached, trying again",
                                 {{"role", options.role},
                                  {"cause", fresh.error().message},
                                  {"attempts", failures}});
                }
                drop(waiting, fresh.error());
                co_await sleep(backoff());
                continue;
            }
            logger.info(kTarget, "Connected to Redis",
                        {{"role", options.role}, {"address", options.url.place()}});
            failures = 0;
            probe.connected.set(1);
            probe.connections.add();
            transport = *fresh;
            writing = false;
            heard = clock.steady();
            flush();
            std::string const cause = co_await read_until_broken(transport);
            transport->close();
            transport.reset();
            probe.connected.set(0);
            drop(in_flight, Error{Failure::Unreachable, "connection lost: " + cause});
            if (closing) break;
            logger.warn(
                kTarget, "Connection to Redis lost",
                {{"role", options.role}, {"address", options.url.place()}, {"cause", cause}});
            co_await sleep(backoff());
        }
        drop(waiting, closed());
    }

    static base::Task<void> hold(std::shared_ptr<Impl> self) { co_await self->work(); }
};

std::expected<std::shared_ptr<Client>, std::string> Client::create(base::IoContext& context,
                                                                   ClientOptions options,
                                                                   const ClientProbe& probe,
                                                                   telemetry::Logger& logger,
                                                                   const base::Clock& clock) {
    auto impl = std::make_shared<Impl>(context, std::move(options), probe, logger, clock);
    auto connector = make_connector(context, impl->options.url, impl->options.ca_file);
    if (!connector) return std::unexpected(connector.error());
    impl->connector = std::move(*connector);
    return std::shared_ptr<Client>(new Client(std::move(impl)));
}

Client::Client(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Client::~Client() {
    close();
}

void Client::start() {
    if (std::exchange(impl_->started, true) || impl_->closing) return;
    if (!impl_->options.url.verify && impl_->options.url.tls) {
        impl_->logger.warn(kTarget, "TLS to Redis without verification (#insecure in the URL)",
                           {{"role", impl_->options.role}});
    }
    asio::co_spawn(impl_->context, Impl::hold(impl_), [impl = impl_](std::exception_ptr escaped) {
        if (!escaped) return;
        impl->logger.error(kTarget, "The connection's coroutine ended with an exception",
                           {{"role", impl->options.role}});
        impl->closing = true;
        impl->drop(impl->in_flight, closed());
        impl->drop(impl->waiting, closed());
    });
}

void Client::close() {
    if (std::exchange(impl_->closing, true)) return;
    impl_->pause.cancel();
    impl_->connector->cancel();
    if (impl_->greeting) impl_->greeting->close();
    if (impl_->transport) impl_->transport->close();
    impl_->drop(impl_->waiting, closed());
    impl_->drop(impl_->in_flight, closed());
}

bool Client::connected() const {
    return impl_->transport != nullptr;
}

base::Task<Result<Replies>> Client::run(Commands commands, milliseconds timeout) {
    auto impl = impl_;
    auto const start = [&](auto done) {
        impl->submit(std::move(commands), timeout, std::move(done));
    };
    Result<Replies> outcome = co_await base::wait_for<Result<Replies>>(start);
    impl->count(outcome);
    co_return outcome;
}

base::Task<Result<Replies>> SplitStore::run(Commands commands, milliseconds timeout) {
    if (!commands.read_only()) co_return co_await writer_->run(std::move(commands), timeout);
    Commands again = commands;
    Result<Replies> outcome = co_await reader_->run(std::move(commands), timeout);
    bool good = outcome.has_value();
    if (good) {
        for (const Reply& reply : *outcome)
            good = good && reply.kind != Reply::Kind::Error;
    }
    if (good) co_return outcome;
    co_return co_await writer_->run(std::move(again), timeout);
}

}  // namespace capture::limits::redis
