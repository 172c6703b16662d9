#include "http/head.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "http/parser.h"
#include "http/protocol.h"

namespace capture::http {
namespace {

using State = HeadParser::State;

constexpr std::size_t kLimit = 400 * 1024;

struct Parsed {
    explicit Parsed(std::string text) : bytes(std::move(text)), parser(head, kLimit) {
        state = parser.feed(bytes);
    }
    std::string bytes;
    Head head;
    HeadParser parser;
    State state;
};

std::string with_fields(const std::string& fields) {
    return "POST /e HTTP/1.1\r\n" + fields + "\r\n";
}

TEST(Intern, KnowsEveryNameInAnyCaseAndNothingElse) {
    EXPECT_EQ(intern("Content-Type"), Name::ContentType);
    EXPECT_EQ(intern("x-capture-debug"), Name::XCaptureDebug);
    EXPECT_EQ(intern("X-REQUEST-ID"), Name::XRequestId);
    EXPECT_EQ(intern("ACCESS-CONTROL-REQUEST-HEADERS"), Name::AccessControlRequestHeaders);
    EXPECT_EQ(intern(""), Name::Unknown);
    EXPECT_EQ(intern("x"), Name::Unknown);
    EXPECT_EQ(intern("content-typf"), Name::Unknown);
    EXPECT_EQ(intern("content_type"), Name::Unknown);
    EXPECT_EQ(intern(std::string(200, 'a')), Name::Unknown);
}

TEST(Head, SplitsTheRequestLine) {
    Parsed const request("POST /i/v0/e/?ip=1&_=2#part HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_EQ(request.state, State::Complete);
    EXPECT_EQ(request.head.method(), Method::Post);
    EXPECT_EQ(request.head.path(), "/i/v0/e/");
    EXPECT_EQ(request.head.query(), "ip=1&_=2");
    EXPECT_TRUE(request.head.http11());
    EXPECT_TRUE(request.head.keep_alive());
    EXPECT_EQ(request.head.framing(), Framing::None);
}

TEST(Head, TakesThePathOutOfAnAbsoluteTarget) {
    Parsed const request("GET http://example.com:80/batch?x=http://y/ HTTP/1.1\r\n\r\n");
    ASSERT_EQ(request.state, State::Complete);
    EXPECT_EQ(request.head.path(), "/batch");
    EXPECT_EQ(request.head.query(), "x=http://y/");
    Parsed const bare("GET http://example.com HTTP/1.1\r\n\r\n");
    ASSERT_EQ(bare.state, State::Complete);
    EXPECT_EQ(bare.head.path(), "");
    Parsed const star("OPTIONS * HTTP/1.1\r\n\r\n");
    ASSERT_EQ(star.state, State::Complete);
    EXPECT_EQ(star.head.path(), "*");
}

TEST(Head, FindsFieldsWithoutCaseAndInOrder) {
    Parsed const request(with_fields(
        "X-Forwarded-For: a\r\nX-Own:  1 \r\nx-forwarded-for: b\r\nx-own: 2\r\nEmpty:\r\n"));
    ASSERT_EQ(request.state, State::Complete);
    EXPECT_EQ(request.head.find("x-forwarded-for"), "a");
    EXPECT_EQ(request.head.find("X-OWN"), "1");
    EXPECT_EQ(request.head.find("empty"), "");
    EXPECT_EQ(request.head.find("content-type"), std::nullopt);
    EXPECT_EQ(request.head.find("x-other"), std::nullopt);
    EXPECT_EQ(request.head.lines("x-own"), (std::vector<std::string_view>{"1", "2"}));
    EXPECT_EQ(request.head.lines("x-forwarded-for"), (std::vector<std::string_view>{"a", "b"}));
    EXPECT_EQ(request.head.field_count(), 5u);
}

TEST(Head, ArrivesByteByByteInBytesThatMove) {
    std::string const text =
        "POST /e/?a=b HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
    Head head;
    HeadParser parser(head, kLimit);
    State state = State::NeedMore;
    std::size_t given = 0;
    std::string moved;
    while (state == State::NeedMore && given < text.size()) {
        moved = text.substr(0, ++given);  // a new home each time
        state = parser.feed(moved);
    }
    ASSERT_EQ(state, State::Complete);
    EXPECT_EQ(given, text.size() - 5);
    EXPECT_EQ(parser.consumed(), given);
    EXPECT_EQ(head.path(), "/e/");
    EXPECT_EQ(head.find("content-type"), "text/plain");
    EXPECT_EQ(head.framing(), Framing::Length);
    EXPECT_EQ(head.content_length(), 5u);
}

TEST(Head, FollowsTheKeepAliveRulesOfBothVersions) {
    auto const keeps = [](const std::string& text) {
        Parsed const request(text);
        EXPECT_EQ(request.state, State::Complete) << text;
        return request.head.keep_alive();
    };
    EXPECT_TRUE(keeps("GET / HTTP/1.1\r\n\r\n"));
    EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n"));
    EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nConnection: x, close\r\n\r\n"));
    EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
    EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(Head, RefusesWhatAProxyCouldReadDifferently) {
    for (const char* fields : {
             "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
             "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
             "Content-Length: 5\r\nContent-Length: 6\r\n",
             "Content-Length: 5\r\nContent-Length: 5\r\n",
             "Content-Length: 5, 5\r\n",
             "Content-Length: +5\r\n",
             "Content-Length: -5\r\n",
             "Content-Length: 0x5\r\n",
             "Content-Length: 5 5\r\n",
             "Content-Length:\r\n",
             "Content-Length: 18446744073709551616\r\n",
             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
             "Transfer-Encoding: chunked, chunked\r\n",
             "Transfer-Encoding: gzip, chunked\r\n",
             "Transfer-Encoding: identity\r\n",
             "Transfer-Encoding: xchunked\r\n",
             "Transfer-Encoding:\r\n chunked\r\n",
             "Transfer-Encoding : chunked\r\n",
             "X: a\r\n folded\r\n",
             "X: a\r\n\tfolded\r\n",
             " X: leading\r\n",
             "X\x01: a\r\n",
             ": no name\r\n",
             "no colon\r\n",
             "X: a\rb\r\n",
             "X: a\nY: b\r\n",
         }) {
        EXPECT_EQ(Parsed(with_fields(fields)).state, State::Malformed) << fields;
    }
    EXPECT_EQ(Parsed(with_fields(std::string("X: a\0b\r\n", 8))).state, State::Malformed);
    EXPECT_EQ(Parsed("POST /e HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").state,
              State::Malformed);
}

TEST(Head, RefusesBadRequestLines) {
    for (const char* line :
         {"GET /\r\n", "GET  / HTTP/1.1\r\n", "GET / HTTP/1.2\r\n", "GET / HTTP/2.0\r\n",
          "GET / http/1.1\r\n", "GE\x7fT / HTTP/1.1\r\n", " GET / HTTP/1.1\r\n",
          "GET /a b HTTP/1.1\r\n", "\x16\x03\x01\x02\r\n"}) {
        EXPECT_EQ(Parsed(std::string(line) + "Host: a\r\n\r\n").state, State::Malformed) << line;
    }
}

TEST(Head, LimitsTheNumberOfFieldsAndTheTarget) {
    std::string fields;
    for (std::size_t i = 0; i < Head::kMaxFields; ++i)
        fields += "X-" + std::to_string(i) + ": 1\r\n";
    EXPECT_EQ(Parsed(with_fields(fields)).state, State::Complete);
    EXPECT_EQ(Parsed(with_fields(fields + "Y: 1\r\n")).state, State::TooManyFields);
    std::string const longest(kMaxTarget - 1, 'a');
    EXPECT_EQ(Parsed("GET /" + longest + " HTTP/1.1\r\n\r\n").state, State::Complete);
    EXPECT_EQ(Parsed("GET /a" + longest + " HTTP/1.1\r\n\r\n").state, State::TargetTooLong);
}

TEST(Chunks, AreDecodedHoweverTheyAreCut) {
    std::string const text = "POST /e HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::string const body = "5\r\nhello\r\n6;name=\"v\"\r\n world\r\n0\r\nTrailer: x\r\n\r\nGET";
    for (std::size_t piece = 1; piece <= body.size(); ++piece) {
        Parsed request(text);
        ASSERT_EQ(request.state, State::Complete);
        base::Buffer decoded;
        ChunkSink sink{.buffer = &decoded, .cap = 100};
        std::string pending;
        State state = State::NeedMore;
        for (std::size_t at = 0; at < body.size() && state == State::NeedMore; at += piece) {
            pending += body.substr(at, piece);
            std::size_t used = 0;
            state = request.parser.body(pending, sink, used);
            pending.erase(0, used);
        }
        ASSERT_EQ(state, State::Complete) << piece;
        EXPECT_EQ(decoded.view(), "hello world");
    }
}

TEST(Chunks, MalformedOnesAreRefused) {
    for (const char* body :
         {"x\r\n", "5\r\nhelloXY\r\n", "-1\r\n\r\n", "10000000000000000\r\n\r\n",
          "5 \r\nhello\r\n0\r\n\r\n", "5\nhello\r\n", "0\r\nbad trailer\r\n\r\n"}) {
        Parsed request("POST /e HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        base::Buffer decoded;
        ChunkSink sink{.buffer = &decoded, .cap = 100};
        std::size_t used = 0;
        EXPECT_EQ(request.parser.body(body, sink, used), State::Malformed) << body;
    }
}

TEST(Chunks, StopAtTheCapAndCanBeThrownAwayFromThere) {
    Parsed request("POST /e HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::string_view rest = "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
    base::Buffer decoded;
    ChunkSink sink{.buffer = &decoded, .cap = 5};
    std::size_t used = 0;
    EXPECT_EQ(request.parser.body(rest, sink, used), State::Malformed);
    EXPECT_TRUE(sink.over);
    rest.remove_prefix(used);
    ChunkSink nowhere;
    EXPECT_EQ(request.parser.body(rest, nowhere, used), State::Complete);
    EXPECT_EQ(used, rest.size());
}

TEST(Protocol, IsDecidedOnTheFirstBytes) {
    EXPECT_EQ(detect("P"), Protocol::Undecided);
    EXPECT_EQ(detect("PO"), Protocol::Http1);
    EXPECT_EQ(detect("GET"), Protocol::Http1);
    EXPECT_EQ(detect(kHttp2Preface.substr(0, 20)), Protocol::Undecided);
    EXPECT_EQ(detect(kHttp2Preface), Protocol::Http2);
    EXPECT_EQ(detect(std::string(kHttp2Preface) + "x"), Protocol::Http2);
}

}  // namespace
}  // namespace capture::http
