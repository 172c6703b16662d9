// read_body(): caps, drains, timeouts, the budget.
#include "http/server_fixture.h"

namespace capture::http {
namespace {

using BodyTest = ServerFixture;
constexpr std::size_t kCap = ServerFixture::kCap;
const std::string kOversize =
    "maximum event size exceeded: Request body exceeds limit of " + std::to_string(kCap) + " bytes";

std::vector<std::string> pieces(std::size_t total, std::size_t each) {
    std::vector<std::string> result;
    for (std::size_t at = 0; at < total; at += each)
        result.emplace_back(std::min(each, total - at), 'x');
    return result;
}

TEST_F(BodyTest, OfExactlyTheCapPasses) {
    start();
    Client client(*this);
    std::string const body(kCap, 'x');
    EXPECT_EQ(client.ask(post("/e", body)).body, "POST /e 127.0.0.1 " + body);
    EXPECT_EQ(client.ask(chunked("/e", pieces(kCap, 1000))).body, "POST /e 127.0.0.1 " + body);
    EXPECT_EQ(client.ask(chunked("/e", {body})).status, 200);
    EXPECT_EQ(budget->used(), 0u);
}

TEST_F(BodyTest, OneByteOverTheCapIsDrainedAndRefused) {
    start();
    Client client(*this);
    std::string const body(kCap + 1, 'x');
    for (const auto& request :
         {post("/e", body), chunked("/e", {body}), chunked("/e", pieces(kCap + 1, 777))}) {
        Answer answer = client.ask(request);
        EXPECT_EQ(answer.status, 413);
        EXPECT_EQ(answer.body, kOversize);
        EXPECT_FALSE(answer.has("connection: close"));
    }
    EXPECT_EQ(probe.rejected_drains.with({"/e", "drained", "complete"}).value(), 3);
    EXPECT_EQ(client.ask(post("/e", "fine")).status, 200);
    EXPECT_EQ(probe.requests.with({"POST", "/e", "413"}).value(), 3);
}

TEST_F(BodyTest, AnHonestLengthOverTheCapIsNotRefusedEarly) {
    start();
    Client client(*this);
    ASSERT_TRUE(client.send("POST /e HTTP/1.1\r\nContent-Length: " + std::to_string(kCap + 1) +
                            "\r\n\r\n" + std::string(kCap, 'x')));
    ASSERT_TRUE(until([&] { return echo.served == 1; }));
    for (int i = 0; i < 20; ++i) {
        io.restart();
        io.poll();
    }
    EXPECT_EQ(budget->used(), 0u);  // none of it is kept
    EXPECT_EQ(client.ask("x").status, 413);
}

TEST_F(BodyTest, ThatGoesOnForeverIsAbandoned) {
    start();
    for (bool in_chunks : {false, true}) {
        Client client(*this);
        std::string const endless = in_chunks
                                        ? chunked("/e", pieces(3 * kCap, 10'000), false)
                                        : "POST /e HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n" +
                                              std::string(3 * kCap, 'x');
        ASSERT_TRUE(client.send(endless));
        Answer answer = client.answer();
        EXPECT_EQ(answer.status, 413);
        EXPECT_TRUE(answer.has("connection: close"));
        client.half_close();
        EXPECT_TRUE(client.ended());
    }
    EXPECT_EQ(probe.rejected_drains.with({"/e", "abandoned", "budget"}).value(), 2);
}

TEST_F(BodyTest, ThatStopsWhileItIsDrainedIsAbandonedAfterTheDeadline) {
    start();
    Client client(*this);
    ASSERT_TRUE(client.send("POST /e HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" +
                            std::string(kCap + 10, 'x')));
    ASSERT_TRUE(until([&] { return timers->armed() == 1; }));
    pass(4'000);
    ASSERT_TRUE(client.send("more"));
    pass(1'100);
    EXPECT_EQ(client.answer().status, 413);
    EXPECT_EQ(probe.rejected_drains.with({"/e", "abandoned", "deadline"}).value(), 1);
}

TEST_F(BodyTest, ThatEndsWhileItIsDrainedIsAStreamError) {
    start();
    Client client(*this);
    ASSERT_TRUE(client.send("POST /e HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" +
                            std::string(kCap + 10, 'x')));
    client.half_close();
    EXPECT_EQ(client.answer().status, 413);
    EXPECT_EQ(probe.rejected_drains.with({"/e", "abandoned", "stream_error"}).value(), 1);
}

TEST_F(BodyTest, ThatStallsIsAnswered408) {
    limits.body_chunk_timeout = std::chrono::milliseconds(300);
    start();
    for (const char* start_of_body :
         {"POST /e HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc",
          "POST /e HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"}) {
        Client client(*this);
        ASSERT_TRUE(client.send(start_of_body));
        ASSERT_TRUE(until([&] { return timers->armed() == 1; }));
        pass(250);
        ASSERT_TRUE(client.send("d"));  // every chunk starts the time anew
        ASSERT_TRUE(until([&] { return timers->armed() == 1; }));
        for (int i = 0; i < 5; ++i)
            until([i = 0]() mutable { return ++i > 2; });
        pass(250);
        EXPECT_EQ(client.received(), "");
        pass(100);
        Answer answer = client.answer();
        EXPECT_EQ(answer.status, 408);
        EXPECT_EQ(answer.body, "client stopped sending data");
        EXPECT_TRUE(client.ended());
    }
    EXPECT_EQ(probe.body_timeouts.with({"/e"}).value(), 2);
}

TEST_F(BodyTest, WithoutATimeoutMayPauseAsLongAsItLikes) {
    start();
    Client client(*this);
    ASSERT_TRUE(client.send("POST /e HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc"));
    ASSERT_TRUE(until([&] { return echo.served == 1; }));
    pass(3'600'000);
    EXPECT_EQ(client.ask("def").body, "POST /e 127.0.0.1 abcdef");
}

TEST_F(BodyTest, ThatEndsEarlyOrIsMalformedIsADecodingError) {
    start();
    Client short_one(*this);
    ASSERT_TRUE(short_one.send("POST /e HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"));
    short_one.half_close();
    Answer answer = short_one.answer();
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.body,
              "failed to decode request: Error reading request body: end of file before message "
              "length reached");
    EXPECT_TRUE(short_one.ended());
    Client bad_chunk(*this);
    answer = bad_chunk.ask("POST /e HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    EXPECT_EQ(answer.status, 400);
    EXPECT_TRUE(answer.body.starts_with("failed to decode request: Error reading request body: "));
    EXPECT_TRUE(answer.has("connection: close"));
}

TEST_F(BodyTest, AnEndlessChunkHeaderIsRefused) {
    start();
    Client client(*this);
    ASSERT_TRUE(client.send("POST /e HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a=" +
                            std::string(30'000, 'a')));
    EXPECT_EQ(client.answer().status, 400);
}

TEST_F(BodyTest, AResetWhileReadingEndsTheConnection) {
    start();
    Client client(*this);
    ASSERT_TRUE(client.send("POST /e HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"));
    ASSERT_TRUE(until([&] { return echo.served == 1; }));
    client.reset();
    EXPECT_TRUE(until([&] { return server->connections() == 0; }));
}

TEST_F(BodyTest, ThatNobodyWantsIsSkippedWhenItIsSmall) {
    start();
    Client client(*this);
    EXPECT_EQ(client.ask(post("/hasty", std::string(1000, 'x'))).status, 400);
    EXPECT_EQ(client.ask(chunked("/hasty", {"a", "b"})).status, 400);
    ASSERT_TRUE(
        client.send("POST /hasty HTTP/1.1\r\nContent-Length: 20000\r\n\r\n" + std::string(5, 'x')));
    EXPECT_EQ(client.answer().status, 400);
    EXPECT_EQ(client.ask(std::string(19'995, 'x') + post("/e", "next")).body,
              "POST /e 127.0.0.1 next");
}

TEST_F(BodyTest, ThatNobodyWantsEndsTheConnectionWhenItIsLarge) {
    start();
    Client client(*this);
    ASSERT_TRUE(client.send("POST /hasty HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" +
                            std::string(100'000, 'x')));
    Answer answer = client.answer();
    EXPECT_EQ(answer.status, 400);
    EXPECT_TRUE(answer.has("connection: close"));
    Client unended(*this);
    EXPECT_TRUE(unended.ask(chunked("/hasty", {"a"}, false)).has("connection: close"));
    pass(2'100);
    EXPECT_TRUE(client.ended());
    EXPECT_TRUE(unended.ended());
}

TEST_F(BodyTest, TakesNoMoreMemoryThanItsLengthNeeds) {
    start();
    Client client(*this);
    EXPECT_EQ(client.ask(post("/e", std::string(100, 'x'))).status, 200);
    EXPECT_LE(echo.largest_capacity, 128u);
    ASSERT_TRUE(client.send("POST /e HTTP/1.1\r\nContent-Length: 20000\r\n\r\n"));
    ASSERT_TRUE(until([&] { return echo.served == 2; }));
    EXPECT_EQ(client.ask(std::string(20'000, 'x')).status, 200);
    EXPECT_EQ(echo.largest_capacity, 20'000u);
}

TEST_F(BodyTest, GrowsFromTheFirstBufferToExactlyItsLength) {
    limits.first_body_buffer = 1000;
    start();
    Client client(*this);
    std::string const body(30'001, 'x');
    EXPECT_EQ(client.ask(post("/e", body)).body, "POST /e 127.0.0.1 " + body);
    EXPECT_LE(echo.largest_capacity, 30'001u + 64);
}

TEST_F(BodyTest, WaitsWhileTheBudgetIsAboveItsSoftLimit) {
    soft = 1000;
    start();
    ASSERT_TRUE(budget->charge(2000));
    Client large(*this), small(*this);
    ASSERT_TRUE(large.send("POST /e HTTP/1.1\r\nContent-Length: 5000\r\n\r\n"));
    ASSERT_TRUE(until([&] { return echo.served == 1; }));
    EXPECT_EQ(small.ask(post("/e", "small")).status, 200);  // arrived in one piece
    pass(1'000);
    budget->release(2000);
    pass(10);
    EXPECT_EQ(large.ask(std::string(5000, 'x')).status, 200);
    EXPECT_EQ(probe.waits_admitted.value(), 1);
}

TEST_F(BodyTest, IsRefusedWhenTheBudgetStaysAboveItsSoftLimit) {
    soft = 1000;
    start();
    ASSERT_TRUE(budget->charge(2000));
    Client client(*this);
    ASSERT_TRUE(client.send("POST /e HTTP/1.1\r\nContent-Length: 5000\r\n\r\n"));
    ASSERT_TRUE(until([&] { return echo.served == 1; }));
    pass(5'100);
    Answer answer = client.answer();
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.body, "service unavailable: overloaded");
    EXPECT_TRUE(answer.has("connection: close"));
    EXPECT_EQ(probe.waits_refused.value(), 1);
    EXPECT_EQ(probe.budget_refusals.value(), 1);
    budget->release(2000);
}

TEST_F(BodyTest, IsRefusedAtTheHardLimit) {
    soft = hard = 10'000;
    start();
    for (const auto& request :
         {post("/e", std::string(20'000, 'x')), chunked("/e", pieces(20'000, 500))}) {
        Client client(*this);
        ASSERT_TRUE(client.send(request));
        Answer answer = client.answer();
        EXPECT_EQ(answer.status, 503);
        EXPECT_EQ(answer.body, "service unavailable: overloaded");
    }
    Client heavy_head(*this);
    EXPECT_EQ(heavy_head.ask("GET / HTTP/1.1\r\nX: " + std::string(30'000, 'x')).status, 503);
}

}  // namespace
}  // namespace capture::http
