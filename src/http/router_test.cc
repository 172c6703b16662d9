#include "http/router.h"

#include <gtest/gtest.h>

#include <string>

#include "http/response_writer.h"

namespace capture::http {
namespace {

struct Nothing final : Handler {
    base::Task<Response> serve(Request&) override { co_return Response::empty(200); }
};

struct RouterTest : testing::Test {
    telemetry::Registry registry{"capture", "events"};
    Probe probe{registry};
    PathLabels labels;
    ConcurrencyLimits limits{2};
    Router router{probe, labels, limits};
    Nothing handler;

    double counted(std::string_view method, std::string_view path, std::string_view status) {
        return probe.requests.with({method, path, status}).value();
    }
};

TEST_F(RouterTest, MatchesExactlyWithAndWithoutOneSlash) {
    router.add_with_slash("/e", handler);
    ASSERT_TRUE(router.find("/e"));
    EXPECT_EQ(router.find("/e")->pattern(), "/e");
    EXPECT_EQ(router.find("/e/")->pattern(), "/e/");
    for (const char* path : {"/e//", "/E", "/", "", "/e/x", "e"})
        EXPECT_FALSE(router.find(path)) << path;
    EXPECT_THROW(router.add("/e", handler), std::logic_error);
}

TEST_F(RouterTest, AnswersWhatNoHandlerIsNeededFor) {
    router.add("/e", handler);
    router.add("/post", handler, {.methods = Methods::Post});
    router.add("/metrics", handler, {.methods = Methods::Get, .cors = nullptr});
    EXPECT_FALSE(Router::answer(router.find("/e"), Method::Post));
    EXPECT_FALSE(Router::answer(router.find("/e"), Method::Head));
    EXPECT_EQ(Router::answer(router.find("/e"), Method::Options)->status, 200);
    EXPECT_EQ(Router::answer(nullptr, Method::Options)->status, 200);
    EXPECT_EQ(Router::answer(nullptr, Method::Get)->status, 404);
    auto const wrong = Router::answer(router.find("/e"), Method::Other);
    ASSERT_EQ(wrong->status, 405);
    EXPECT_EQ(wrong->headers.at(0).second, "POST,GET,HEAD,OPTIONS");
    EXPECT_EQ(Router::answer(router.find("/post"), Method::Head)->status, 405);
    EXPECT_EQ(Router::answer(router.find("/metrics"), Method::Options)->status, 405);
}

TEST_F(RouterTest, CountsByPatternAndUnmatchedRequestsByPath) {
    router.add_with_slash("/e", handler);
    router.count(router.find("/e/"), "POST", "/e/", 200, 0.1);
    router.count(router.find("/e/"), "POST", "/e/", 200, 0.1);
    router.count(router.find("/e/"), "POST", "/e/", 400, 0.1);
    router.count(router.find("/e/"), "BREW", "/e/", 405, 0.1);
    router.count(nullptr, "GET", "/nowhere", 404, 0.1);
    EXPECT_EQ(counted("POST", "/e/", "200"), 2);
    EXPECT_EQ(counted("POST", "/e/", "400"), 1);
    EXPECT_EQ(counted("other", "/e/", "405"), 1);
    EXPECT_EQ(counted("GET", "/nowhere", "404"), 1);
    EXPECT_EQ(probe.durations.with({"POST", "/e/", "200"}).count(), 2u);
}

TEST_F(RouterTest, BoundsTheLabelsThatClientsCanInvent) {
    for (std::size_t i = 0; i < PathLabels::kMaxPaths; ++i) {
        std::string const path = "/" + std::to_string(i);
        EXPECT_EQ(labels.label(path), path);
    }
    EXPECT_EQ(labels.label("/one-more"), "other");
    EXPECT_EQ(labels.label("/7"), "/7");
    PathLabels fresh;
    EXPECT_EQ(fresh.label("/\xff"), "other");
    EXPECT_EQ(fresh.label("/" + std::string(PathLabels::kMaxLength, 'a')), "other");
}

TEST_F(RouterTest, ProbesStandOutsideOfTheConcurrencyLimit) {
    router.add("/e", handler);
    router.add("/", handler, {.methods = Methods::Get, .limited = false});
    EXPECT_TRUE(router.find("/e")->limit());
    EXPECT_FALSE(router.find("/")->limit());
    EXPECT_EQ(limits.of("/e").get(), router.find("/e")->limit());
}

std::string written(const Response& response, ResponseFrame frame) {
    frame.date = "D";
    std::string out;
    write_response(out, response, frame);
    return out;
}

TEST(ResponseWriter, WritesLengthTypeAndBody) {
    EXPECT_EQ(
        written(Response::json(200, R"({"status":"Ok"})"), {}),
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\ndate: D\r\n\r\n"
        R"({"status":"Ok"})");
    EXPECT_EQ(written(Response::empty(204), {}), "HTTP/1.1 204 No Content\r\ndate: D\r\n\r\n");
    ResponseFrame head;
    head.head_only = true;
    EXPECT_EQ(written(Response::text(200, "ok"), head),
              "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: "
              "2\r\ndate: D\r\n\r\n");
    ResponseFrame last;
    last.close = true;
    EXPECT_EQ(
        written(Response::empty(400), last),
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: D\r\nconnection: close\r\n\r\n");
    ResponseFrame old;
    old.http11 = false;
    EXPECT_EQ(written(Response::empty(200), old),
              "HTTP/1.0 200 OK\r\ncontent-length: 0\r\ndate: D\r\nconnection: keep-alive\r\n\r\n");
}

TEST(ResponseWriter, ExposesRetryAfterToBrowsers) {
    Response response = Response::empty(503);
    response.headers.emplace_back("Retry-After", "1");
    ResponseFrame frame;
    frame.cors = &kLegacyCors;
    EXPECT_NE(written(response, frame).find("access-control-expose-headers: Retry-After\r\n"),
              std::string::npos);
    EXPECT_EQ(written(Response::empty(200), frame).find("expose"), std::string::npos);
}

TEST(ResponseWriter, AHandlersOwnDateWins) {
    Response response = Response::empty(200);
    response.headers.emplace_back("Date", "mine");
    EXPECT_EQ(written(response, {}), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nDate: mine\r\n\r\n");
}

TEST(ResponseWriter, WritesWhatWriteResponseWouldWhateverCameBefore) {
    std::string const first_origin = "https://a.example.com";
    Response retry = Response::text(429, "slow down");
    retry.headers.emplace_back("retry-after", "3");
    std::vector<Response> const responses{Response::json(200, "{}"),
                                          Response::json(200, "[]"),
                                          Response::text(200, "{}"),
                                          Response::empty(204),
                                          retry,
                                          Response::text(200, std::string(100'000, 'x'))};
    std::vector<ResponseFrame> frames;
    for (std::string_view const origin : {std::string_view(), std::string_view(first_origin)}) {
        for (std::string_view const date : {"Mon", "Tue"}) {
            for (bool const on : {false, true})
                frames.push_back(
                    {.http11 = on, .cors = &kLegacyCors, .origin = origin, .date = date});
        }
    }
    frames.push_back({.close = true, .date = "Mon"});
    frames.push_back({.head_only = true, .date = "Mon"});
    frames.push_back({.preflight = true, .cors = &kLegacyCors, .requested_headers = "x-a"});
    ResponseWriter writer;
    for (Response const& response : responses) {
        for (ResponseFrame const& frame : frames) {
            for (Response const& before : responses) {
                writer.write(before, frame);
                writer.write(response, frame);
                writer.write(response, frame);
                std::string expected;
                write_response(expected, response, frame);
                ASSERT_EQ(writer.bytes(), expected);
                writer.shrink();
            }
        }
    }
}

TEST(DateText, IsTheImfFixdate) {
    DateText date;
    EXPECT_EQ(date.at({0, 0}), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(date.at({784111777, 0}), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(date.at({784111777, 5}), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(date.at({1709210096, 0}), "Thu, 29 Feb 2024 12:34:56 GMT");
}

}  // namespace
}  // namespace capture::http
