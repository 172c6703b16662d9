// TCP streams of one worker, and who waits for them.
//
// Asio reads before it waits, and of the reads of a connection that is kept alive every second one
// fails: the next request is not there yet. Here a connection belongs to an epoll set of the
// worker's own, edge-triggered and once for its whole life, and Asio waits for the set alone. So a
// wait costs no system call, and many connections that are ready cost one.
//
// Included by this room's .cc files only. Worker thread only.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/async.h"

namespace capture::http {

using ErrorCode = boost::system::error_code;
class Stream;

/// The streams of one worker, which must not outlive it. It belongs to its owner and to what it has
/// left in the loop, so its owner may go while it calls a stream.
class Readiness : public std::enable_shared_from_this<Readiness> {
  public:
    static std::shared_ptr<Readiness> open(base::IoContext& io);
    /// Tells nobody anything any more.
    void close();
    Readiness(const Readiness&) = delete;
    Readiness& operator=(const Readiness&) = delete;

  private:
    friend class Stream;
    explicit Readiness(base::IoContext& io);
    bool add(Stream& stream);
    void forget(const Stream& stream);
    void arm();
    void dispatch();

    base::IoContext& io_;
    base::asio::posix::basic_stream_descriptor<base::Executor> set_;
    std::array<epoll_event, 256> events_;  ///< what the set told last; streams go on in this order
    std::size_t next_ = 0;
    std::size_t count_ = 0;
};

/// One non-blocking socket. Reading and writing never wait; who is told would_block awaits
/// readable() or writable() and tries again. At most one wait at a time.
class Stream {
    static constexpr std::uint32_t kEnded = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    static constexpr std::uint32_t kReadable = EPOLLIN | kEnded;
    /// Reads without a wait; so a client that sends without end keeps nobody waiting for long.
    static constexpr std::uint8_t kTurns = 16;

    auto wait(std::uint32_t events) {
        return base::asio::async_initiate<const base::asio::deferred_t, void(bool)>(
            [this, events](auto handler) {
                awaited_ = events | kEnded;
                waiter_ = std::move(handler);
                if (events == kReadable && may_read_) resume_later(true);
            },
            base::use_task);
    }

  public:
    struct Done {
        std::size_t bytes = 0;
        ErrorCode error;  ///< would_block: nothing yet; eof: the peer sends no more
    };

    /// Takes the descriptor, which is non-blocking.
    Stream(Readiness& readiness, int descriptor);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    /// False when a read would give nothing, as far as is known, or when it is the others' turn:
    /// then readable() is to be awaited first.
    bool may_read() const { return may_read_ && turns_ > 0; }
    Done read_some(char* to, std::size_t size);
    Done write_some(const char* from, std::size_t size);

    /// Await what they return, at once. False after cancel().
    auto readable() { return wait(kReadable); }
    auto writable() { return wait(EPOLLOUT); }
    /// Ends the wait, if there is one; its coroutine goes on later, from the loop.
    void cancel();

    void shutdown_send(ErrorCode& error);
    /// cancel() as well.
    void close();

  private:
    friend class Readiness;
    void happened(std::uint32_t events);
    void resume_later(bool ready);

    Readiness& readiness_;
    int descriptor_;
    std::uint32_t awaited_ = 0;  ///< 0 = nobody waits
    bool may_read_ = false;
    std::uint8_t turns_ = kTurns;
    bool ended_ = false;  ///< the peer sends no more, or the connection broke: no event follows
    std::move_only_function<void(bool)> waiter_;
};

}  // namespace capture::http
