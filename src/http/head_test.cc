#include "http/head.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

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

/// All that is read of a head; nothing but the state when it is not complete.
std::string read_in(std::size_t piece, std::string_view text, std::size_t limit = kLimit) {
    Head head;
    HeadParser parser(head, limit);
    auto state = State::NeedMore;
    for (std::size_t given = 0; state == State::NeedMore && given < text.size();) {
        given = std::min(given + piece, text.size());
        state = parser.feed(text.substr(0, given));
    }
    std::string out = std::to_string(static_cast<int>(state));
    if (state != State::Complete) return out;
    out += " " + std::to_string(parser.consumed()) + " ";
    out.append(head.method_text()).append(" ").append(to_text(head.method())).append(" ");
    out.append(head.path()).append("?").append(head.query()).append("\n");
    head.each([&out](std::string_view name, std::string_view value) {
        out.append(name).append("=").append(value).append("\n");
    });
    out += std::to_string(head.keep_alive()) + std::to_string(head.expects_continue()) +
           std::to_string(head.http11()) + std::to_string(static_cast<int>(head.framing())) + " " +
           std::to_string(head.content_length());
    for (std::size_t name = 0; name < kNames; ++name)
        out.append(" ").append(head.get(static_cast<Name>(name)));
    return out;
}

// What comes at once is read by our own code where it is plain, what comes in pieces by Beast.
TEST(PlainHead, SaysWhatBeastSays) {
    std::string const long_value(300, 'v');
    std::string many;
    for (int i = 0; i < 101; ++i)
        many += "X-" + std::to_string(i) + ": v\r\n";
    std::vector<std::string> const lines{"POST /e HTTP/1.1",
                                         "GET /e?a=b#c HTTP/1.1",
                                         "OPTIONS * HTTP/1.1",
                                         "HEAD / HTTP/1.1",
                                         "PUT /e HTTP/1.1",
                                         "post /e HTTP/1.1",
                                         "POST  /e HTTP/1.1",
                                         "POST /e  HTTP/1.1",
                                         "POST /a b HTTP/1.1",
                                         "POST /e HTTP/1.0",
                                         "POST /e HTTP/1.2",
                                         "POST HTTP/1.1",
                                         "POST /e",
                                         "GET http://host/path?q HTTP/1.1",
                                         "GET /\xc3\xa4 HTTP/1.1",
                                         "GET /\x7f HTTP/1.1",
                                         "GET /\x01 HTTP/1.1",
                                         " GET / HTTP/1.1",
                                         "G@T / HTTP/1.1"};
    std::vector<std::string> const fields{
        "",
        "Host: a\r\n",
        "host:a\r\nHOST:  b  \r\n",
        "Content-Length: 5\r\n",
        "Content-Length: 0\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: 1 1\r\n",
        "Content-Length:\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 18446744073709551615\r\n",
        "Content-Length: 999999999999999999\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Expect: 100-continue\r\n",
        "Connection: keep-alive\r\n",
        "Connection: Close\r\n",
        "Connection: close, keep-alive\r\n",
        "Connection: ,\r\n",
        "Connection: a b\r\n",
        "Connection: keep-alive\r\nConnection: close\r\n",
        "Proxy-Connection: a b\r\n",
        "Upgrade: h2c\r\n",
        "X: " + long_value + "\r\n",
        "X:\r\n",
        "X: \r\n",
        "X: a\r\n b\r\n",
        "X: a\r\n\tb\r\n",
        "X : a\r\n",
        " X: a\r\n",
        "X\r\n",
        ": a\r\n",
        "X: a\nY: b\r\n",
        "X: a\rY: b\r\n",
        "X: a\r\rY: b\r\n",
        "X: a\x01\r\n",
        "X: a\tb\r\n",
        "X:\ta\t\r\n",
        "X: \xc3\xa4\r\n",
        "X: a\x7f\r\n",
        "X(: a\r\n",
        "X_y!~: a: b\r\n",
        "X: a" + std::string(1, '\0') + "b\r\n",
        "Content-Type: text/plain\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: ::1\r\n",
        many};
    int complete = 0;
    for (std::string const& line : lines) {
        for (std::string const& field : fields) {
            for (const char* const end : {"\r\n", "\n", "\r\nbody\r\n\r\n"}) {
                std::string const head = line + "\r\n" + field + end;
                std::string const whole = read_in(head.size(), head);
                std::string const pieces = read_in(1, head);
                auto const is_complete = [](const std::string& read) {
                    return read.starts_with(std::to_string(static_cast<int>(State::Complete)));
                };
                ASSERT_EQ(is_complete(whole), is_complete(pieces)) << head;
                if (!is_complete(whole)) continue;
                ++complete;
                ASSERT_EQ(whole, pieces) << head;
            }
        }
    }
    EXPECT_GT(complete, 400);
}

TEST(PlainHead, LeavesLongOnesToBeast) {
    std::string const head = with_fields("X: " + std::string(2000, 'v') + "\r\n");
    EXPECT_EQ(read_in(head.size(), head, 1000), read_in(1, head, 1000));
    std::string const target = "GET /" + std::string(kMaxTarget, 'a') + " HTTP/1.1\r\n\r\n";
    EXPECT_EQ(read_in(target.size(), target), read_in(1000, target));
}

}  // namespace
}  // namespace capture::http
