#include "limits/redis/url.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace capture::limits::redis {
namespace {

using Failure = std::unexpected<std::string>;

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        int const high = hex(text[i + 1]);
        int const low = hex(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
    }
    return out;
}

template <typename T>
bool number(std::string_view text, T& out) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size();
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

std::expected<Url, std::string> parse_local(std::string_view rest) {
    Url url;
    std::string_view query;
    if (auto const mark = rest.find('?'); mark != rest.npos) {
        query = rest.substr(mark + 1);
        rest = rest.substr(0, mark);
    }
    auto const path = percent_decode(rest);
    if (!path || path->empty() || path->front() != '/')
        return Failure("the socket's path must be absolute");
    url.unix_path = *path;
    while (!query.empty()) {
        auto const end = std::min(query.find('&'), query.size());
        auto const pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        auto const equals = pair.find('=');
        auto const name = pair.substr(0, equals);
        auto const value =
            percent_decode(equals == pair.npos ? std::string_view() : pair.substr(equals + 1));
        if (!value) return Failure("bad percent-encoding");
        if (name == "db") {
            if (!number(*value, url.database)) return Failure("the database is not a number");
        } else if (name == "user") {
            url.user = *value;
        } else if (name == "pass") {
            url.password = *value;
        }
    }
    return url;
}

/// `user:password` before the last `@`.
bool read_login(std::string_view login, Url& url) {
    auto const colon = login.find(':');
    auto user = percent_decode(login.substr(0, colon));
    if (!user) return false;
    url.user = std::move(*user);
    if (colon == login.npos) return true;
    auto password = percent_decode(login.substr(colon + 1));
    if (!password) return false;
    url.password = std::move(*password);
    return true;
}

}  // namespace

std::string Url::place() const {
    if (!unix_path.empty()) return unix_path;
    bool const six = host.find(':') != host.npos;
    return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::expected<Url, std::string> parse_url(std::string_view text) {
    Url url;
    if (take_prefix(text, "redis+unix://") || take_prefix(text, "unix://"))
        return parse_local(text);
    if (take_prefix(text, "rediss://")) {
        url.tls = true;
    } else if (!take_prefix(text, "redis://")) {
        return Failure("expected redis://, rediss:// or redis+unix://");
    }
    if (auto const mark = text.find('#'); mark != text.npos) {
        if (text.substr(mark + 1) == "insecure") url.verify = false;
        text = text.substr(0, mark);
    }
    if (auto const mark = text.find('?'); mark != text.npos) text = text.substr(0, mark);

    std::string_view authority = text.substr(0, text.find('/'));
    std::string_view path =
        authority.size() < text.size() ? text.substr(authority.size() + 1) : std::string_view();
    // A password may hold a raw `/` only percent-encoded, but a raw `@` is common: the last one
    // ends the login.
    if (auto const at = authority.rfind('@'); at != authority.npos) {
        if (!read_login(authority.substr(0, at), url))
            return Failure("bad percent-encoding in user or password");
        authority.remove_prefix(at + 1);
    }
    if (authority.starts_with('[')) {
        auto const close = authority.find(']');
        if (close == authority.npos) return Failure("the IPv6 address is not closed");
        url.host = authority.substr(1, close - 1);
        authority.remove_prefix(close + 1);
        if (!authority.empty() && authority.front() != ':')
            return Failure("text after the IPv6 address");
    } else {
        auto const colon = authority.find(':');
        url.host = authority.substr(0, colon);
        authority.remove_prefix(colon == authority.npos ? authority.size() : colon);
    }
    if (url.host.empty()) return Failure("the host is missing");
    if (!authority.empty()) {
        authority.remove_prefix(1);
        if (!number(authority, url.port) || url.port == 0)
            return Failure("the port is not a number from 1 to 65535");
    }
    while (path.ends_with('/'))
        path.remove_suffix(1);
    if (!path.empty() && !number(path, url.database))
        return Failure("the database is not a number");
    return url;
}

}  // namespace capture::limits::redis
