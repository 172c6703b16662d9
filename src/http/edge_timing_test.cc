#include "http/edge_timing.h"

#include <gtest/gtest.h>

#include <string>

#include "http/parser.h"

namespace capture::http {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

struct EdgeTiming : testing::Test {
    telemetry::Registry registry{"capture", "events"};
    Probe probe{registry};

    void observe(const std::string& fields) {
        std::string const bytes = "GET / HTTP/1.1\r\n" + fields + "\r\n";
        Head head;
        HeadParser parser(head, 64 * 1024);
        ASSERT_EQ(parser.feed(bytes), HeadParser::State::Complete);
        observe_edge(head, base::Instant::from_millis(kNow), probe);
    }
};

TEST(RequestStart, IsSecondsWithAnOptionalFraction) {
    EXPECT_EQ(parse_request_start("1700000000"), 1'700'000'000'000);
    EXPECT_EQ(parse_request_start("t=1700000000.5"), 1'700'000'000'500);
    EXPECT_EQ(parse_request_start("t=1700000000.1239"), 1'700'000'000'123);
    EXPECT_EQ(parse_request_start("0.04"), 40);
    for (const char* bad : {"", "t=", "-1", "+1", " 1", "1 ", "1.", ".5", "1.2.3", "1.x", "1e3",
                            "t=t=1", "1234567890123456"}) {
        EXPECT_EQ(parse_request_start(bad), std::nullopt) << bad;
    }
}

TEST(AmznTraceId, PrefersSelfOverRoot) {
    constexpr std::string_view kRoot = "Root=1-65540001-0123456789abcdef01234567";
    EXPECT_EQ(parse_amzn_trace_id(kRoot), 0x65540001LL * 1000);
    EXPECT_EQ(parse_amzn_trace_id(std::string(kRoot) +
                                  ";Self=1-65540002-0123456789ABCDEF01234567;Lineage=a"),
              0x65540002LL * 1000);
    EXPECT_EQ(parse_amzn_trace_id("Self=bad;" + std::string(kRoot)), 0x65540001LL * 1000);
    for (const char* bad :
         {"", ";", "Root=", "Root=2-65540001-0123456789abcdef01234567",
          "Root=1-6554000-0123456789abcdef012345678", "Root=1-65540001-0123456789abcdef0123456g",
          "root=1-65540001-0123456789abcdef01234567"}) {
        EXPECT_EQ(parse_amzn_trace_id(bad), std::nullopt) << bad;
    }
}

TEST_F(EdgeTiming, ObservesPlausibleAgesAndCountsTheOthers) {
    observe("X-Request-Start: t=1699999999.000\r\n");
    EXPECT_EQ(probe.envoy.seconds.count(), 1u);
    observe("X-Request-Start: t=1700000000.001\r\n");
    EXPECT_EQ(probe.envoy.negative.value(), 1);
    observe("X-Request-Start: t=1699999400\r\n");  // exactly 600 s
    EXPECT_EQ(probe.envoy.seconds.count(), 2u);
    observe("X-Request-Start: t=1699999399.999\r\n");
    EXPECT_EQ(probe.envoy.implausible.value(), 1);
    observe("X-Amzn-Trace-Id: Root=1-6553f0ff-0123456789abcdef01234567\r\n");
    EXPECT_EQ(probe.alb.seconds.count(), 1u);
    observe("X-Request-Start: soon\r\nX-Amzn-Trace-Id: none\r\n");
    EXPECT_EQ(probe.envoy.seconds.count(), 2u);
}

TEST_F(EdgeTiming, TakesTheLastLineThatParses) {
    observe(
        "X-Request-Start: t=1800000000\r\nX-Request-Start: t=1699999999\r\nX-Request-Start: x\r\n");
    EXPECT_EQ(probe.envoy.seconds.count(), 1u);
    EXPECT_EQ(probe.envoy.negative.value(), 0);
}

}  // namespace
}  // namespace capture::http
