#include "http/stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace capture::http {
namespace {

namespace asio = base::asio;

/// A stream and the socket at its other end.
struct Pair {
    explicit Pair(Readiness& readiness) {
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
        stream = std::make_unique<Stream>(readiness, ends[0]);
        peer = ends[1];
    }
    ~Pair() { hang_up(); }
    void send(std::string_view text) const {
        EXPECT_EQ(::send(peer, text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    void hang_up() {
        if (peer >= 0) ::close(std::exchange(peer, -1));
    }

    std::unique_ptr<Stream> stream;
    int peer = -1;
};

/// What a coroutine saw of a stream.
struct Seen {
    std::string text;
    int waits = 0;
    bool cancelled = false;
    bool ended = false;
};

base::Task<void> read_all(Stream& stream, Seen& seen, std::size_t at_once) {
    char bytes[256];
    while (true) {
        if (!stream.may_read()) {
            ++seen.waits;
            if (!co_await stream.readable()) {
                seen.cancelled = true;
                co_return;
            }
        }
        auto const got = stream.read_some(bytes, at_once);
        if (got.error == asio::error::would_block) continue;
        if (got.error) {
            seen.ended = got.error == asio::error::eof;
            co_return;
        }
        seen.text.append(bytes, got.bytes);
    }
}

base::Task<void> fail_once_readable(Stream& stream) {
    co_await stream.readable();
    throw std::runtime_error("broken");
}

class StreamTest : public testing::Test {
  public:
    ~StreamTest() override { readiness->close(); }

    void read(Stream& stream, Seen& seen, std::size_t at_once = 256) {
        asio::co_spawn(io.get_executor(), read_all(stream, seen, at_once), asio::detached);
        poll();
    }
    void poll() {
        io.restart();
        io.poll();
    }

    base::IoContext io{1};
    std::shared_ptr<Readiness> readiness = Readiness::open(io);
};

TEST_F(StreamTest, WakesForWhatComesWhileItIsAwaitedAndBefore) {
    Pair pair(*readiness);
    Seen seen;
    pair.send("before ");
    read(*pair.stream, seen);
    EXPECT_EQ(seen.text, "before ");
    pair.send("after");
    poll();
    EXPECT_EQ(seen.text, "before after");
    EXPECT_EQ(seen.waits, 3);
    pair.stream->close();
    poll();
    EXPECT_TRUE(seen.cancelled);
}

TEST_F(StreamTest, SeesTheEndThatCameTogetherWithTheLastBytes) {
    Pair pair(*readiness);
    Seen seen;
    pair.send("all");
    pair.hang_up();
    read(*pair.stream, seen);
    EXPECT_EQ(seen.text, "all");
    EXPECT_TRUE(seen.ended);
}

TEST_F(StreamTest, LetsOthersHaveTheirTurnWhenThereIsMuchToRead) {
    Pair pair(*readiness);
    Seen seen;
    pair.send(std::string(200, 'x'));
    asio::co_spawn(io.get_executor(), read_all(*pair.stream, seen, 1), asio::detached);
    std::size_t most = 0;
    for (std::size_t before = 0; seen.text.size() < 200; before = seen.text.size()) {
        ASSERT_EQ(io.run_one_for(std::chrono::seconds(5)), 1u);
        most = std::max(most, seen.text.size() - before);
    }
    EXPECT_GE(most, 2u);
    EXPECT_LE(most, 20u);
    pair.stream->close();
    poll();
}

TEST_F(StreamTest, CancellingEndsTheWaitLaterFromTheLoop) {
    Pair pair(*readiness);
    Seen seen;
    read(*pair.stream, seen);
    pair.stream->cancel();
    EXPECT_FALSE(seen.cancelled);
    poll();
    EXPECT_TRUE(seen.cancelled);
    pair.stream->cancel();  // nobody waits
    poll();
}

TEST_F(StreamTest, AwaitsRoomToWriteAgain) {
    Pair pair(*readiness);
    std::string const bytes(64 * 1024, 'x');
    std::size_t sent = 0;
    Stream::Done done;
    while (!(done = pair.stream->write_some(bytes.data(), bytes.size())).error)
        sent += done.bytes;
    EXPECT_EQ(done.error, asio::error::would_block);
    bool woken = false;
    auto const wait = [](Stream& stream, bool& result) -> base::Task<void> {
        result = co_await stream.writable();
    };
    asio::co_spawn(io.get_executor(), wait(*pair.stream, woken), asio::detached);
    poll();
    EXPECT_FALSE(woken);
    std::string taken(sent, '\0');
    for (std::size_t got = 0; got < sent;) {
        auto const n = ::recv(pair.peer, taken.data() + got, taken.size() - got, 0);
        ASSERT_GT(n, 0);
        got += static_cast<std::size_t>(n);
    }
    poll();
    EXPECT_TRUE(woken);
}

TEST_F(StreamTest, OthersGoOnWhenACoroutineLetsAnExceptionEscape) {
    Pair broken(*readiness);
    Pair fine(*readiness);
    Seen seen;
    asio::co_spawn(io.get_executor(), fail_once_readable(*broken.stream),
                   [](std::exception_ptr failure) {
                       if (failure) std::rethrow_exception(failure);
                   });
    read(*fine.stream, seen);
    broken.send("x");
    fine.send("y");
    EXPECT_THROW(poll(), std::runtime_error);
    poll();
    EXPECT_EQ(seen.text, "y");
    fine.send("z");
    poll();
    EXPECT_EQ(seen.text, "yz");
    fine.stream->close();
    poll();
}

TEST_F(StreamTest, AStreamThatGoesIsNotCalledForWhatWasToldBefore) {
    auto first = std::make_unique<Pair>(*readiness);
    auto second = std::make_unique<Pair>(*readiness);
    first->send("x");
    second->send("x");
    auto const drop = [](Stream& stream, std::unique_ptr<Pair>& other) -> base::Task<void> {
        if (co_await stream.readable()) other.reset();
    };
    // Whichever is called first ends the other, and is not ended by it.
    asio::co_spawn(io.get_executor(), drop(*first->stream, second), asio::detached);
    asio::co_spawn(io.get_executor(), drop(*second->stream, first), asio::detached);
    poll();
    EXPECT_NE(first == nullptr, second == nullptr);
}

TEST_F(StreamTest, ReadinessMayGoWhileItCallsAStream) {
    Pair pair(*readiness);
    pair.send("x");
    auto const end = [](StreamTest& test, Pair& mine) -> base::Task<void> {
        co_await mine.stream->readable();
        mine.stream.reset();
        test.readiness->close();
        test.readiness.reset();
    };
    asio::co_spawn(io.get_executor(), end(*this, pair), asio::detached);
    poll();
    EXPECT_EQ(readiness, nullptr);
    readiness = Readiness::open(io);
}

}  // namespace
}  // namespace capture::http
