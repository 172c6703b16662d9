// The floor's sockets: one thread, level-triggered epoll, one read and one write per small request.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "floor/producer.h"
#include "floor/surface.h"

namespace capture::bench {

class Server {
  public:
    /// Listens on a port of the kernel's choice and prints it.
    Server(Surface& surface, Part until);
    void produce_with(Producer& producer) { producer_ = &producer; }
    [[noreturn]] void run();

    /// Answers the request. Any thread: the connection has no other request then.
    static void answer(const Records& records, bool ok = true);

  private:
    struct Connection {
        explicit Connection(int fd) : records(fd) {}
        base::Buffer partial;  ///< of a request that came in several reads
        std::size_t size = 0;  ///< of that request, once its head is there
        Records records;
    };

    void watch(int fd);
    void accept_all();
    void receive(int fd);
    void receive_more(Connection& connection);
    void hang_up(Connection& connection);
    void serve(Connection& connection, std::string_view body);

    Surface& surface_;
    const Part until_;
    Producer* producer_ = nullptr;
    Records dropped_{-1};   ///< where records go that nobody keeps: memory that is in the cache
    base::Buffer scratch_;  ///< what a read gives; most requests end in it
    std::vector<std::unique_ptr<Connection>> connections_;  ///< by descriptor
    int listen_ = -1;
    int epoll_ = -1;
};

}  // namespace capture::bench
