// Orderly and hard ends of a server.
#include "http/server_fixture.h"

namespace capture::http {
namespace {

struct DrainTest : ServerFixture {
    bool drained = false;
    void drain() {
        server->drain([this] { drained = true; });
    }
    bool is_drained() {
        return until([this] { return drained; });
    }
    bool refuses_connections() {
        int const fd = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        bool const refused =
            connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) < 0;
        ::close(fd);
        return refused;
    }
};

TEST_F(DrainTest, WithoutConnectionsIsDoneAtOnce) {
    start();
    drain();
    EXPECT_FALSE(drained);  // called from the loop, not from drain()
    EXPECT_TRUE(is_drained());
    EXPECT_TRUE(refuses_connections());
}

TEST_F(DrainTest, ClosesIdleConnections) {
    start();
    Client client(*this);
    EXPECT_EQ(client.ask("GET / HTTP/1.1\r\n\r\n").status, 200);
    drain();
    EXPECT_TRUE(is_drained());
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(probe.accept.closed.value(), 0);
}

TEST_F(DrainTest, LetsRequestsInFlightFinish) {
    start();
    Client slow_client(*this), sending(*this);
    ASSERT_TRUE(slow_client.send("GET /slow HTTP/1.1\r\n\r\n"));
    ASSERT_TRUE(sending.send("POST /e HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe"));
    ASSERT_TRUE(until([&] { return slow.running == 1 && echo.served == 1; }));
    drain();
    Answer answer = sending.ask("llo");
    EXPECT_EQ(answer.body, "POST /e 127.0.0.1 hello");
    EXPECT_TRUE(answer.has("connection: close"));
    EXPECT_TRUE(sending.ended());
    EXPECT_FALSE(drained);
    slow.release();
    answer = slow_client.answer();
    EXPECT_EQ(answer.body, "slow");
    EXPECT_TRUE(answer.has("connection: close"));
    EXPECT_TRUE(is_drained());
}

TEST_F(DrainTest, ServesWhatWaitsInTheBacklog) {
    start();
    // The kernel has established these, but the loop has not run.
    Client waiting(*this), quiet(*this);
    std::string const request = post("/e", "late");
    drain();
    EXPECT_TRUE(refuses_connections());
    EXPECT_EQ(waiting.ask(request).body, "POST /e 127.0.0.1 late");
    EXPECT_EQ(probe.drain.accepted.value(), 2);
    EXPECT_EQ(probe.accept.accepted.value(), 0);
    EXPECT_FALSE(drained);  // the quiet one may still have a request under way
    pass(1'100);
    EXPECT_TRUE(is_drained());
    EXPECT_TRUE(quiet.ended());
}

TEST_F(DrainTest, ServesARequestThatHasJustArrivedOnAnIdleConnection) {
    start();
    Client client(*this);
    EXPECT_EQ(client.ask("GET / HTTP/1.1\r\n\r\n").status, 200);
    std::string const request = post("/e", "just in time");
    // Into the kernel, without letting the loop run.
    drain();
    ASSERT_TRUE(client.send_blind(request));
    EXPECT_EQ(client.answer().body, "POST /e 127.0.0.1 just in time");
    EXPECT_TRUE(is_drained());
}

TEST_F(DrainTest, StopEndsEverythingNow) {
    start();
    Client idle(*this), sending(*this), slow_client(*this);
    EXPECT_EQ(idle.ask("GET / HTTP/1.1\r\n\r\n").status, 200);
    ASSERT_TRUE(sending.send("POST /e HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe"));
    ASSERT_TRUE(slow_client.send("GET /slow HTTP/1.1\r\n\r\n"));
    ASSERT_TRUE(until([&] { return slow.running == 1 && echo.served == 1; }));
    server->stop();
    EXPECT_TRUE(idle.ended());
    EXPECT_TRUE(sending.ended());
    EXPECT_TRUE(slow_client.ended());
    EXPECT_TRUE(until([&] { return server->connections() == 1; }));
    slow.release();
    EXPECT_TRUE(until([&] { return server->connections() == 0; }));
}

TEST_F(DrainTest, AClientThatDoesNotTakeItsAnswersIsGivenUp) {
    start();
    Client client(*this, 4096);
    std::string burst;
    std::string const body(60'000, 'x');
    for (int i = 0; i < 400; ++i)
        burst += post("/e", body);
    auto const stuck = [&] { return timers->armed() == 1; };
    std::string_view rest = burst;
    ASSERT_TRUE(until([&] {
        client.send_some(rest);
        return stuck();
    }));
    pass(30'100);
    EXPECT_TRUE(until([&] { return server->connections() == 0; }));
    EXPECT_EQ(probe.accept.closed.value(), 1);
}

TEST_F(DrainTest, CoroutinesThatAreLeftDieWithTheLoop) {
    start();
    Client waiting(*this), sending(*this);
    ASSERT_TRUE(budget->charge(soft + 1));
    ASSERT_TRUE(waiting.send("POST /e HTTP/1.1\r\nContent-Length: 9999\r\n\r\n"));
    ASSERT_TRUE(sending.send("POST /e HT"));
    ASSERT_TRUE(until([&] { return echo.served == 1 && server->connections() == 2; }));
    budget->release(soft + 1);
    server.reset();  // the loop does not run again
}

}  // namespace
}  // namespace capture::http
