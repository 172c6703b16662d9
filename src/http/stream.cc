#include "http/stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

#include "base/prefetch.h"

namespace capture::http {
namespace {

namespace asio = base::asio;

ErrorCode last_error() {
    return {errno, boost::system::system_category()};
}

/// What a connection needs first when it goes on lies behind its stream.
constexpr std::size_t kPrefetched = 384;

}  // namespace

std::shared_ptr<Readiness> Readiness::open(base::IoContext& io) {
    std::shared_ptr<Readiness> readiness(new Readiness(io));
    readiness->arm();
    return readiness;
}

Readiness::Readiness(base::IoContext& io) : io_(io), set_(io.get_executor()) {
    int const set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0) throw boost::system::system_error(last_error(), "epoll_create1");
    set_.assign(set);
}

void Readiness::close() {
    next_ = count_ = 0;
    ErrorCode ignored;
    set_.close(ignored);
}

bool Readiness::add(Stream& stream) {
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {}};
    event.data.ptr = &stream;
    return epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, stream.descriptor_, &event) == 0;
}

/// Its descriptor leaves the set when it is closed, but not what the set has told already.
void Readiness::forget(const Stream& stream) {
    for (std::size_t i = next_; i < count_; ++i) {
        if (events_[i].data.ptr == &stream) events_[i].data.ptr = nullptr;
    }
}

void Readiness::arm() {
    set_.async_wait(asio::posix::descriptor_base::wait_read,
                    [self = shared_from_this()](ErrorCode error) {
                        if (!error) self->dispatch();
                    });
}

void Readiness::dispatch() {
    /// Goes on in any case, also when a coroutine lets an exception escape.
    struct Rearm {
        Readiness& self;
        ~Rearm() {
            if (self.next_ < self.count_) {
                asio::post(self.io_,
                           [readiness = self.shared_from_this()] { readiness->dispatch(); });
            } else if (self.set_.is_open()) {
                self.arm();
            }
        }
    } const rearm{*this};
    if (next_ == count_) {
        int const found =
            epoll_wait(set_.native_handle(), events_.data(), static_cast<int>(events_.size()), 0);
        next_ = 0;
        count_ = found > 0 ? static_cast<std::size_t>(found) : 0;
    }
    constexpr std::size_t kAhead = 2;
    while (next_ < count_) {
        if (next_ + kAhead < count_) base::prefetch(events_[next_ + kAhead].data.ptr, kPrefetched);
        epoll_event const event = events_[next_++];
        if (event.data.ptr) static_cast<Stream*>(event.data.ptr)->happened(event.events);
    }
}

Stream::Stream(Readiness& readiness, int descriptor)
    : readiness_(readiness), descriptor_(descriptor) {
    if (readiness_.add(*this)) return;
    // Without its events it would wait for ever: its first read fails.
    ::close(std::exchange(descriptor_, -1));
    may_read_ = true;
}

Stream::~Stream() {
    readiness_.forget(*this);
    if (descriptor_ >= 0) ::close(descriptor_);
}

void Stream::happened(std::uint32_t events) {
    if (events & kReadable) may_read_ = true;
    if (events & kEnded) ended_ = true;
    turns_ = kTurns;
    if (!(events & awaited_)) return;
    awaited_ = 0;
    std::exchange(waiter_, nullptr)(true);
}

void Stream::resume_later(bool ready) {
    awaited_ = 0;
    turns_ = kTurns;
    asio::post(readiness_.io_,
               [ready, waiter = std::exchange(waiter_, nullptr)]() mutable { waiter(ready); });
}

Stream::Done Stream::read_some(char* to, std::size_t size) {
    ssize_t received = 0;
    do
        received = ::recv(descriptor_, to, size, 0);
    while (received < 0 && errno == EINTR);
    if (turns_ > 0) --turns_;
    if (received > 0) {
        auto const bytes = static_cast<std::size_t>(received);
        // What comes after a short read is a new event, but for an end that was told already.
        if (bytes < size && !ended_) may_read_ = false;
        return {bytes, {}};
    }
    if (received == 0) return {0, size > 0 ? ErrorCode(asio::error::eof) : ErrorCode()};
    ErrorCode const error = last_error();
    if (error == asio::error::would_block) may_read_ = false;
    return {0, error};
}

Stream::Done Stream::write_some(const char* from, std::size_t size) {
    ssize_t sent = 0;
    do
        sent = ::send(descriptor_, from, size, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return {0, last_error()};
    return {static_cast<std::size_t>(sent), {}};
}

void Stream::cancel() {
    if (awaited_) resume_later(false);
}

void Stream::shutdown_send(ErrorCode& error) {
    error = ::shutdown(descriptor_, SHUT_WR) == 0 ? ErrorCode() : last_error();
}

void Stream::close() {
    cancel();
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

}  // namespace capture::http
