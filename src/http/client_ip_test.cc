#include "http/client_ip.h"

#include <gtest/gtest.h>

#include <string>

#include "http/parser.h"

namespace capture::http {
namespace {

std::string ip_of(const std::string& fields) {
    std::string const bytes = "GET / HTTP/1.1\r\n" + fields + "\r\n";
    Head head;
    HeadParser parser(head, 64 * 1024);
    EXPECT_EQ(parser.feed(bytes), HeadParser::State::Complete) << fields;
    IpText storage;
    return std::string(client_ip(head, "192.0.2.99", storage));
}

std::string canonical(std::string_view text) {
    IpText storage;
    return std::string(canonical_ip(text, storage).value_or("-"));
}

TEST(CanonicalIp, AcceptsPlainAddressesOnly) {
    EXPECT_EQ(canonical("203.0.113.7"), "203.0.113.7");
    for (const char* bad :
         {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4:80", " 1.2.3.4", "1.2.3.4 ",
          "1..2.3", "[::1]", "::1%eth0", "unknown", "1:2:3", ":::", "12345::", "1.2.3.1000"}) {
        EXPECT_EQ(canonical(bad), "-") << bad;
    }
    EXPECT_EQ(canonical(std::string("::1\0", 4)), "-");
}

TEST(CanonicalIp, PrintsIpv6CompressedAndInLowerCase) {
    EXPECT_EQ(canonical("2001:DB8:0:0:0:0:0:1"), "2001:db8::1");
    EXPECT_EQ(canonical("::"), "::");
    EXPECT_EQ(canonical("::1"), "::1");
    EXPECT_EQ(canonical("1::"), "1::");
    EXPECT_EQ(canonical("1:0:2:3:4:5:6:7"), "1:0:2:3:4:5:6:7");
    EXPECT_EQ(canonical("1:0:0:2:0:0:0:3"), "1:0:0:2::3");
    EXPECT_EQ(canonical("1:0:0:2:3:0:0:4"), "1::2:3:0:0:4");
    EXPECT_EQ(canonical("::ffff:1.2.3.4"), "::ffff:1.2.3.4");
    EXPECT_EQ(canonical("::1.2.3.4"), "::102:304");
    EXPECT_EQ(canonical("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"),
              "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

TEST(ClientIp, TakesTheLeftmostForwardedForAddressThatParses) {
    EXPECT_EQ(ip_of("X-Forwarded-For: 203.0.113.7, 10.0.0.1\r\n"), "203.0.113.7");
    EXPECT_EQ(ip_of("X-Forwarded-For: unknown, 1.2.3.4:55 ,, 203.0.113.8\r\n"), "203.0.113.8");
    EXPECT_EQ(ip_of("X-Forwarded-For: nothing\r\nX-Forwarded-For: 2001:DB8::0:7\r\n"),
              "2001:db8::7");
    EXPECT_EQ(ip_of("X-Forwarded-For: \r\nX-Real-Ip: 203.0.113.9\r\n"), "203.0.113.9");
}

TEST(ClientIp, ReadsForwardedElements) {
    EXPECT_EQ(ip_of("Forwarded: for=203.0.113.1;proto=http;by=203.0.113.43\r\n"), "203.0.113.1");
    EXPECT_EQ(ip_of("Forwarded: proto=http; For=\"[2001:db8:CAFE::17]:4711\"\r\n"),
              "2001:db8:cafe::17");
    EXPECT_EQ(ip_of("Forwarded: for=_hidden, for=\"203.0.113.2:80\"\r\n"), "203.0.113.2");
    EXPECT_EQ(ip_of("Forwarded: for=unknown\r\nForwarded: for=203.0.113.3\r\n"), "203.0.113.3");
    EXPECT_EQ(ip_of("Forwarded: for=\"[::1]x\", for=\"a,for=203.0.113.4\r\n"), "192.0.2.99");
    EXPECT_EQ(ip_of("Forwarded: for=\"[::1\r\n"), "192.0.2.99");
}

TEST(ClientIp, AsksTheOtherHeadersInOrder) {
    std::string fields;
    auto const add = [&](const char* field) { fields = std::string(field) + "\r\n" + fields; };
    EXPECT_EQ(ip_of(fields), "192.0.2.99");
    add("CloudFront-Viewer-Address: 203.0.113.10:46532");
    EXPECT_EQ(ip_of(fields), "203.0.113.10");
    add("CF-Connecting-IP: 203.0.113.11");
    EXPECT_EQ(ip_of(fields), "203.0.113.11");
    add("True-Client-IP: 203.0.113.12");
    EXPECT_EQ(ip_of(fields), "203.0.113.12");
    add("Fly-Client-IP: 203.0.113.13");
    EXPECT_EQ(ip_of(fields), "203.0.113.13");
    add("X-Real-Ip: 203.0.113.14");
    EXPECT_EQ(ip_of(fields), "203.0.113.14");
    add("Forwarded: for=203.0.113.15");
    EXPECT_EQ(ip_of(fields), "203.0.113.15");
    add("X-Forwarded-For: 203.0.113.16");
    EXPECT_EQ(ip_of(fields), "203.0.113.16");
}

TEST(ClientIp, ReadsTheViewerAddressWithItsPort) {
    EXPECT_EQ(ip_of("CloudFront-Viewer-Address: 2001:db8::7:46532\r\n"), "2001:db8::7");
    EXPECT_EQ(ip_of("CloudFront-Viewer-Address: [2001:db8::8]:46532\r\n"), "2001:db8::8");
    EXPECT_EQ(ip_of("CloudFront-Viewer-Address: 203.0.113.1\r\n"), "192.0.2.99");
}

}  // namespace
}  // namespace capture::http
