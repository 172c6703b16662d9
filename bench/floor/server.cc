#include "floor/server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>

namespace capture::bench {
namespace {

constexpr std::size_t kRead = 64 * 1024;

// As long as capture's.
constexpr std::string_view kOk =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nvary: origin, "
    "access-control-request-method, access-control-request-headers\r\n"
    "access-control-allow-credentials: true\r\ncontent-length: 15\r\n"
    "date: Tue, 01 Sep 2026 12:00:00 GMT\r\n\r\n{\"status\":\"Ok\"}";
constexpr std::string_view kBad =
    "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
    "content-length: 3\r\ndate: Tue, 01 Sep 2026 12:00:00 GMT\r\n\r\nbad";

/// Where the body starts and the request ends; 0 while the head is not complete.
struct Frame {
    std::size_t body = 0;
    std::size_t end = 0;
};
Frame frame_of(std::string_view bytes) {
    constexpr std::string_view kLength = "Content-Length: ";
    std::size_t const head = bytes.find("\r\n\r\n");
    if (head == std::string_view::npos) return {};
    std::size_t const at = bytes.find(kLength);
    std::size_t length = 0;
    if (at < head) std::from_chars(bytes.data() + at + kLength.size(), bytes.data() + head, length);
    return {head + 4, head + 4 + length};
}

}  // namespace

Server::Server(Surface& surface, Part until) : surface_(surface), until_(until) {
    (void)scratch_.reserve(kRead);
    listen_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listen_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(listen_, 4096);
    socklen_t size = sizeof(address);
    getsockname(listen_, reinterpret_cast<sockaddr*>(&address), &size);
    std::printf("%u\n", ntohs(address.sin_port));
    std::fflush(stdout);
    epoll_ = epoll_create1(0);
    watch(listen_);
}

void Server::run() {
    epoll_event events[256];
    while (true) {
        int const n = epoll_wait(epoll_, events, 256, -1);
        for (int i = 0; i < n; ++i) {
            int const fd = events[i].data.fd;
            if (fd == listen_) {
                accept_all();
            } else {
                receive(fd);
            }
        }
    }
}

void Server::watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
}

void Server::accept_all() {
    int fd = -1;
    while ((fd = accept4(listen_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0) {
        int const one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        auto const place = static_cast<std::size_t>(fd);
        if (connections_.size() <= place) connections_.resize(place + 1);
        connections_[place] = std::make_unique<Connection>(fd);
        watch(fd);
    }
}

void Server::receive(int fd) {
    Connection& connection = *connections_[static_cast<std::size_t>(fd)];
    if (!connection.partial.empty()) return receive_more(connection);
    ssize_t const n = recv(fd, scratch_.data(), kRead, 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) hang_up(connection);
        return;
    }
    std::string_view const bytes(scratch_.data(), static_cast<std::size_t>(n));
    Frame const frame = frame_of(bytes);
    if (frame.end != 0 && bytes.size() >= frame.end)
        return serve(connection, bytes.substr(frame.body, frame.end - frame.body));
    (void)connection.partial.reserve(frame.end);
    (void)connection.partial.append(bytes);
    connection.size = frame.end;
}

void Server::receive_more(Connection& connection) {
    base::Buffer& in = connection.partial;
    if (in.capacity() == in.size()) (void)in.reserve(in.size() + kRead);
    ssize_t const n =
        recv(connection.records.socket, in.data() + in.size(), in.capacity() - in.size(), 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) hang_up(connection);
        return;
    }
    in.resize(in.size() + static_cast<std::size_t>(n));
    if (connection.size == 0) connection.size = frame_of(in.view()).end;
    if (connection.size == 0 || in.size() < connection.size) return;
    std::size_t const body = in.view().find("\r\n\r\n") + 4;
    serve(connection, in.view().substr(body, connection.size - body));
    in.clear();
}

void Server::hang_up(Connection& connection) {
    int const fd = connection.records.socket;
    auto& owner = connections_[static_cast<std::size_t>(fd)];
    // The producer still reads from its records: it is left to itself, which no load does to us.
    if (connection.records.undelivered.load() > 0) (void)owner.release();
    owner.reset();
    close(fd);
}

void Server::serve(Connection& connection, std::string_view body) {
    bool const kept = until_ == Part::Produce && producer_->keeps();
    Records& records = kept ? connection.records : dropped_;
    records.socket = connection.records.socket;
    if (!surface_.run(body, until_, records)) return answer(records, false);
    if (until_ != Part::Produce) return answer(records);
    producer_->produce(records);
}

void Server::answer(const Records& records, bool ok) {
    std::string_view const text = ok ? kOk : kBad;
    (void)!::send(records.socket, text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace capture::bench
