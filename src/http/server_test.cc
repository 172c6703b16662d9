#include "http/server.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "http/server_fixture.h"

namespace capture::http {
namespace {

using ServerTest = ServerFixture;

TEST_F(ServerTest, ServesRequestsOnOneConnection) {
    start();
    Client client(*this);
    Answer first = client.ask(post("/e", "one"));
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(first.body, "POST /e 127.0.0.1 one");
    EXPECT_TRUE(first.has("content-type: text/plain; charset=utf-8"));
    EXPECT_FALSE(first.has("connection:"));
    EXPECT_EQ(client.ask(post("/e/?a=b", "two", "X-Forwarded-For: 203.0.113.7\r\n")).body,
              "POST /e/ 203.0.113.7 two");
    EXPECT_EQ(client.ask("GET /e HTTP/1.1\r\n\r\n").body, "GET /e 127.0.0.1 ");
    EXPECT_EQ(probe.requests.with({"POST", "/e", "200"}).value(), 1);
    EXPECT_EQ(probe.requests.with({"POST", "/e/", "200"}).value(), 1);
    EXPECT_EQ(probe.durations.with({"GET", "/e", "200"}).count(), 1u);
    EXPECT_EQ(probe.accept.accepted.value(), 1);
}

TEST_F(ServerTest, ServesPipelinedRequestsInOrder) {
    start();
    Client client(*this);
    std::string burst;
    for (int i = 0; i < 500; ++i) {
        burst += i % 3 == 0 ? chunked("/e", {std::to_string(i)}) : post("/e", std::to_string(i));
    }
    ASSERT_TRUE(client.send(burst));
    for (int i = 0; i < 500; ++i)
        ASSERT_EQ(client.answer().body, "POST /e 127.0.0.1 " + std::to_string(i));
}

TEST_F(ServerTest, DoesNotServeAPipelinedRequestBeforeTheOneAhead) {
    start();
    Client client(*this);
    ASSERT_TRUE(client.send("GET /slow HTTP/1.1\r\n\r\n" + post("/e", "x")));
    ASSERT_TRUE(until([&] { return slow.running == 1; }));
    EXPECT_EQ(echo.served, 0);
    slow.release();
    EXPECT_EQ(client.answer().body, "slow");
    EXPECT_EQ(client.answer().body, "POST /e 127.0.0.1 x");
}

TEST_F(ServerTest, KeepsWhatCameBehindARequestWhileOthersAreRead) {
    start();
    Client patient(*this);
    Client other(*this);
    std::string const chunks = chunked("/e", {std::string(300, 'a'), std::string(300, 'b')});
    std::size_t const half = chunks.size() / 2;
    ASSERT_TRUE(patient.send("GET /slow HTTP/1.1\r\nX-Real-Ip: 203.0.113.9\r\n\r\n" +
                             post("/e", "mine", "X-Real-Ip: 203.0.113.8\r\n") +
                             chunks.substr(0, half)));
    ASSERT_TRUE(until([&] { return slow.running == 1; }));
    EXPECT_EQ(other.ask(post("/e", std::string(2000, 'o'))).body.substr(0, 18),
              "POST /e 127.0.0.1 ");
    slow.release();
    EXPECT_EQ(patient.answer().body, "slow");
    EXPECT_EQ(patient.answer().body, "POST /e 203.0.113.8 mine");
    EXPECT_EQ(other.ask(post("/e", std::string(7000, 'o'))).status, 200);
    ASSERT_TRUE(patient.send(chunks.substr(half)));
    EXPECT_EQ(patient.answer().body,
              "POST /e 127.0.0.1 " + std::string(300, 'a') + std::string(300, 'b'));
}

TEST_F(ServerTest, TakesHeadsAndBodiesInAnyPieces) {
    start();
    Client client(*this);
    std::string const text = post("/e", "pieces") + chunked("/e", {"in", "chunks"});
    for (char c : text) {
        ASSERT_TRUE(client.send(std::string_view(&c, 1)));
        io.restart();
        io.poll();
    }
    EXPECT_EQ(client.answer().body, "POST /e 127.0.0.1 pieces");
    EXPECT_EQ(client.answer().body, "POST /e 127.0.0.1 inchunks");
}

TEST_F(ServerTest, AnswersProbes) {
    start();
    Client client(*this);
    EXPECT_EQ(client.ask("GET / HTTP/1.1\r\n\r\n").body, "capture");
    EXPECT_EQ(client.ask("GET /_liveness HTTP/1.1\r\n\r\n").body, "ok");
    Answer ready = client.ask("GET /_readiness HTTP/1.1\r\n\r\n");
    EXPECT_EQ(ready.status, 200);
    EXPECT_TRUE(ready.has("content-length: 0\r\n"));
    EXPECT_FALSE(ready.has("content-type"));
    shutting_down = true;
    EXPECT_EQ(client.ask("GET /_readiness HTTP/1.1\r\n\r\n").status, 503);
    EXPECT_EQ(client.ask("GET /_liveness HTTP/1.1\r\n\r\n").status, 200);
}

TEST_F(ServerTest, ServesMetricsOutsideOfCorsAndCounting) {
    start();
    Client client(*this);
    Answer metrics = client.ask("GET /metrics HTTP/1.1\r\nOrigin: http://a\r\n\r\n");
    EXPECT_EQ(metrics.status, 200);
    EXPECT_FALSE(metrics.has("access-control"));
    EXPECT_TRUE(metrics.has("content-type: text/plain"));
    EXPECT_EQ(metrics.body, registry.expose());
    EXPECT_EQ(metrics.body.find("path=\"/metrics\""), std::string::npos);
    EXPECT_EQ(client.ask("OPTIONS /metrics HTTP/1.1\r\n\r\n").status, 405);
}

TEST_F(ServerTest, AnswersHeadWithTheLengthOfTheBodyItKeepsBack) {
    start();
    Client client(*this);
    ASSERT_TRUE(client.send("HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"));
    Answer head = client.answer(true);
    EXPECT_EQ(head.status, 200);
    EXPECT_TRUE(head.has("content-length: 7\r\n"));
    EXPECT_EQ(client.answer().body, "capture");
}

TEST_F(ServerTest, RefusesUnknownPathsAndMethodsWithCorsHeaders) {
    start();
    Client client(*this);
    Answer unknown = client.ask("GET /nowhere HTTP/1.1\r\nOrigin: https://site.example\r\n\r\n");
    EXPECT_EQ(unknown.status, 404);
    EXPECT_EQ(unknown.body, "");
    EXPECT_TRUE(unknown.has("access-control-allow-origin: https://site.example\r\n"));
    EXPECT_TRUE(unknown.has("access-control-allow-credentials: true\r\n"));
    EXPECT_TRUE(unknown.has(
        "vary: origin, access-control-request-method, access-control-request-headers\r\n"));
    Answer wrong = client.ask("PUT /e HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_EQ(wrong.status, 405);
    EXPECT_TRUE(wrong.has("allow: post,get,head,options\r\n"));
    EXPECT_FALSE(wrong.has("access-control-allow-origin"));
    EXPECT_EQ(client.ask("GET /e// HTTP/1.1\r\n\r\n").status, 404);
    EXPECT_EQ(probe.requests.with({"GET", "/nowhere", "404"}).value(), 1);
    EXPECT_EQ(probe.requests.with({"PUT", "/e", "405"}).value(), 1);
}

TEST_F(ServerTest, AnswersEveryOptionsFromTheCorsLayer) {
    start();
    Client client(*this);
    for (const char* path : {"/e", "/e/", "/nowhere", "/"}) {
        Answer answer =
            client.ask("OPTIONS " + std::string(path) +
                       " HTTP/1.1\r\nOrigin: http://a\r\nAccess-Control-Request-Method: POST\r\n"
                       "Access-Control-Request-Headers: x-one,x-two\r\n\r\n");
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, "");
        EXPECT_TRUE(answer.has("access-control-allow-methods: get,post,options\r\n"));
        EXPECT_TRUE(answer.has("access-control-allow-headers: x-one,x-two\r\n"));
        EXPECT_TRUE(answer.has("access-control-allow-origin: http://a\r\n"));
        EXPECT_FALSE(answer.has("max-age"));
    }
    Answer bare = client.ask("OPTIONS /e HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(bare.has("access-control-allow-methods"));
    EXPECT_FALSE(bare.has("access-control-allow-headers"));
    EXPECT_EQ(echo.served, 0);
}

TEST_F(ServerTest, FollowsTheRulesOfHttp10) {
    start();
    Client closing(*this);
    Answer answer = closing.ask("GET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(answer.has("http/1.0 200"));
    EXPECT_TRUE(answer.has("connection: close"));
    EXPECT_TRUE(closing.ended());
    Client keeping(*this);
    EXPECT_TRUE(keeping.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                    .has("connection: keep-alive"));
    EXPECT_EQ(keeping.ask("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").status, 200);
    EXPECT_TRUE(keeping.ended());
}

TEST_F(ServerTest, SaysContinueOnlyWhenTheBodyIsWanted) {
    start();
    Client client(*this);
    ASSERT_TRUE(
        client.send("POST /e HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
    EXPECT_EQ(client.answer().status, 100);
    EXPECT_EQ(client.ask("hello").body, "POST /e 127.0.0.1 hello");
    // The body is here already: nothing to wait for.
    EXPECT_EQ(client.ask(post("/e", "now", "Expect: 100-continue\r\n")).status, 200);
    // Not wanted: the client may or may not send it, so the connection ends.
    Answer refused =
        client.ask("POST /hasty HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(refused.status, 400);
    EXPECT_TRUE(refused.has("connection: close"));
}

TEST_F(ServerTest, AnswersGarbageWithItsStatusAndCloses) {
    start();
    std::string many = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < 101; ++i)
        many += "X" + std::to_string(i) + ": 1\r\n";
    struct {
        std::string bytes;
        int status;
    } const cases[]{
        {"nonsense\r\n\r\n", 400},
        {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400},
        {"POST /e HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400},
        {"POST /e HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400},
        {many + "\r\n", 431},
        {"GET / HTTP/1.1\r\nX: " + std::string(500'000, 'a'), 431},
        {"GET /" + std::string(66'000, 'a') + " HTTP/1.1\r\n\r\n", 414},
        {"GET /" + std::string(70'000, 'a'), 414},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    };
    double refused = 0;
    for (const auto& test : cases) {
        Client client(*this);
        client.send(test.bytes);
        Answer answer = client.answer();
        EXPECT_EQ(answer.status, test.status) << test.bytes.substr(0, 60);
        EXPECT_TRUE(answer.has("connection: close"));
        EXPECT_TRUE(answer.has("content-length: 0"));
        client.half_close();
        EXPECT_TRUE(client.ended());
        EXPECT_EQ(probe.accept.closed.value(), ++refused);
    }
    EXPECT_EQ(echo.served, 0);
}

TEST_F(ServerTest, AcceptsLargeHeadsAndGivesTheirMemoryBack) {
    start();
    Client client(*this);
    std::string fields;
    for (int i = 0; i < 20; ++i)
        fields += "X-" + std::to_string(i) + ": " + std::string(10'000, 'a') + "\r\n";
    EXPECT_EQ(client.ask(post("/e", "body", fields)).body, "POST /e 127.0.0.1 body");
    EXPECT_TRUE(until([&] { return budget->used() == 0; }));
    EXPECT_EQ(client.ask(post("/e", "again")).status, 200);
}

TEST_F(ServerTest, SkipsBlankLinesBetweenRequests) {
    start();
    Client client(*this);
    EXPECT_EQ(client.ask("\r\n\r\n" + post("/e", "a") + "\r\n").status, 200);
    EXPECT_EQ(client.ask("\r\n" + post("/e", "b")).status, 200);
}

TEST_F(ServerTest, ClosesWhenAHeadIsNotCompleteInTime) {
    limits.header_timeout = std::chrono::milliseconds(200);
    start();
    Client client(*this);
    pass(1000);  // an idle connection has all the time it wants
    EXPECT_EQ(client.ask(post("/e", "a")).status, 200);
    pass(1000);
    ASSERT_TRUE(client.send("POST /e HT"));
    ASSERT_TRUE(until([&] { return timers->armed() == 1; }));
    pass(150);
    ASSERT_TRUE(client.send("TP/1.1\r\nX: "));
    pass(100);
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(probe.accept.head_timeouts.value(), 1);
    EXPECT_EQ(probe.accept.closed.value(), 0);
}

TEST_F(ServerTest, CountsConnectionsThatEndInTheMiddle) {
    start();
    {
        Client polite(*this);
        EXPECT_EQ(polite.ask("GET / HTTP/1.1\r\n\r\n").status, 200);
    }
    ASSERT_TRUE(until([&] { return server->connections() == 0; }));
    EXPECT_EQ(probe.accept.closed.value(), 0);
    {
        Client rude(*this);
        ASSERT_TRUE(rude.send("GET / HT"));
        ASSERT_TRUE(until([&] { return server->connections() == 1; }));
    }
    ASSERT_TRUE(until([&] { return server->connections() == 0; }));
    EXPECT_EQ(probe.accept.closed.value(), 1);
}

TEST_F(ServerTest, TurnsAnEscapedExceptionInto500) {
    start();
    Client client(*this);
    Answer answer = client.ask("GET /throw HTTP/1.1\r\n\r\n");
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body, "internal server error");
    EXPECT_EQ(probe.handler_failures.value(), 1);
    EXPECT_EQ(client.ask("GET / HTTP/1.1\r\n\r\n").status, 200);
}

TEST_F(ServerTest, CountsManagedProxiesAndEdgeTimes) {
    start();
    Client client(*this);
    EXPECT_EQ(client
                  .ask(post("/e", "",
                            "X-PostHog-Client-IP: 1.2.3.4\r\nX-Request-Start: t=1699999999.5\r\n"))
                  .status,
              200);
    EXPECT_EQ(client.ask(post("/e", "")).status, 200);
    EXPECT_EQ(client.ask("GET /metrics HTTP/1.1\r\n\r\n").status, 200);
    EXPECT_EQ(probe.via_proxy.value(), 1);
    EXPECT_EQ(probe.not_via_proxy.value(), 1);
    EXPECT_EQ(probe.envoy.seconds.count(), 1u);
}

TEST_F(ServerTest, LetsRequestsOverTheConcurrencyLimitWaitTheirTurn) {
    concurrency = 1;
    start();
    Client first(*this), second(*this), third(*this), other(*this);
    ASSERT_TRUE(first.send("GET /slow HTTP/1.1\r\n\r\n"));
    ASSERT_TRUE(until([&] { return slow.running == 1; }));
    ASSERT_TRUE(second.send("GET /slow HTTP/1.1\r\n\r\n"));
    ASSERT_TRUE(until([&] { return permits->of("/slow")->waiting() == 1; }));
    ASSERT_TRUE(third.send("GET /slow HTTP/1.1\r\n\r\n"));
    ASSERT_TRUE(until([&] { return permits->of("/slow")->waiting() == 2; }));
    EXPECT_EQ(other.ask(post("/e", "x")).status, 200);  // another path
    EXPECT_EQ(other.ask("GET / HTTP/1.1\r\n\r\n").status, 200);
    EXPECT_EQ(slow.running, 1);
    for (Client* client : {&first, &second, &third}) {
        slow.release();
        EXPECT_EQ(client->answer().body, "slow");
        ASSERT_TRUE(until([&] { return slow.running == (client == &third ? 0 : 1); }));
    }
}

TEST_F(ServerTest, PausesWhenTheProcessHasNoDescriptorsLeft) {
    start();
    Client client(*this);  // established by the kernel, not accepted yet
    int const next = open("/dev/null", O_RDONLY);
    ::close(next);
    rlimit normal{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &normal), 0);
    rlimit const none{.rlim_cur = static_cast<rlim_t>(next), .rlim_max = normal.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    bool const counted = until([&] { return probe.accept.resources.value() > 0; });
    setrlimit(RLIMIT_NOFILE, &normal);
    ASSERT_TRUE(counted);
    EXPECT_EQ(probe.accept.resources.value(), 1);
    EXPECT_EQ(server->connections(), 0u);
    pass(1'100);
    EXPECT_EQ(client.ask("GET / HTTP/1.1\r\n\r\n").status, 200);
}

TEST_F(ServerTest, SeveralWorkersShareThePort) {
    start();
    Server second(parts());
    auto const port_again = second.listen("127.0.0.1:" + std::to_string(port));
    ASSERT_TRUE(port_again) << port_again.error();
    EXPECT_EQ(*port_again, port);
    Server wrong(parts());
    EXPECT_EQ(wrong.listen("localhost:1").error(),
              "cannot listen on localhost:1: expected IPv4:port or [IPv6]:port");
    EXPECT_FALSE(wrong.listen("127.0.0.1"));
    EXPECT_FALSE(wrong.listen("127.0.0.1:99999"));
}

TEST(ServerLimits, ComeFromTheSettingsAndSurviveExtremes) {
    config::ServerSettings settings;
    ServerLimits limits = ServerLimits::from(settings);
    EXPECT_FALSE(limits.header_timeout);
    EXPECT_FALSE(limits.body_chunk_timeout);
    EXPECT_EQ(limits.first_body_buffer, 256u * 1024);
    settings.header_read_timeout_ms = 5'000;
    settings.body_chunk_read_timeout_ms = ~0ULL;
    settings.body_read_chunk_size_kb = 0;
    limits = ServerLimits::from(settings);
    EXPECT_EQ(limits.header_timeout, std::chrono::seconds(5));
    EXPECT_EQ(limits.body_chunk_timeout, std::chrono::hours(24));
    EXPECT_EQ(limits.first_body_buffer, 1024u);
}

TEST_F(ServerTest, ListensOnIpv6) {
    start();
    Server second(parts());
    auto const bound = second.listen("[::1]:0");
    if (!bound) GTEST_SKIP() << bound.error();
    EXPECT_NE(*bound, 0);
}

}  // namespace
}  // namespace capture::http
