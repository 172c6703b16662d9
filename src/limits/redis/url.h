// Where a Redis is, from its URL. Contract 80 §3.2.
//
//   redis://[user][:password@]host[:port][/db]      plain TCP, port 6379, database 0
//   rediss://…[#insecure]                           TLS; `#insecure` turns certificate verification
//   off redis+unix:///path[?db=1&user=u&pass=p]         a local socket; `unix:` is the same
//
// User, password and path are percent-decoded; IPv6 addresses stand in brackets.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace capture::limits::redis {

struct Url {
    std::string host;
    std::uint16_t port = 6379;
    bool tls = false;
    bool verify = true;
    std::string unix_path;  ///< set for local sockets; host is empty then
    std::string user;
    std::string password;
    std::uint32_t database = 0;

    bool operator==(const Url&) const = default;
    /// `host:port` or the path: safe to log.
    std::string place() const;
};

/// The error says what is wrong and never repeats the URL, which may hold a password.
std::expected<Url, std::string> parse_url(std::string_view text);

}  // namespace capture::limits::redis
