#include "http/client_ip.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <utility>

namespace capture::http {
namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

bool is_ipv4(std::string_view text) {
    int octets = 0;
    std::size_t at = 0;
    while (octets < 4) {
        std::size_t const first = at;
        unsigned value = 0;
        while (at < text.size() && at - first < 3 && text[at] >= '0' && text[at] <= '9') {
            value = value * 10 + static_cast<unsigned>(text[at++] - '0');
        }
        std::size_t const digits = at - first;
        if (digits == 0 || value > 255 || (digits > 1 && text[first] == '0')) return false;
        ++octets;
        if (octets < 4 && (at >= text.size() || text[at++] != '.')) return false;
    }
    return at == text.size();
}

char* append_hex(char* out, char* end, unsigned value) {
    return std::to_chars(out, end, value, 16).ptr;
}

// RFC 5952. Not inet_ntop(), which prints `::102:304` as `::1.2.3.4`.
std::string_view format_ipv6(const std::uint8_t (&bytes)[16], IpText& storage) {
    std::uint16_t groups[8];
    for (int i = 0; i < 8; ++i)
        groups[i] = static_cast<std::uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    int best = -1, best_length = 1;  // a single zero group is not compressed
    for (int i = 0; i < 8;) {
        int length = 0;
        while (i + length < 8 && groups[i + length] == 0)
            ++length;
        if (length > best_length) best = i, best_length = length;
        i += length + 1;
    }
    bool const mapped = best == 0 && best_length == 5 && groups[5] == 0xffff;
    char* out = storage.data();
    char* const end = out + storage.size();
    if (mapped) {
        std::memcpy(out, "::ffff:", 7);
        out += 7;
        for (int i = 12; i < 16; ++i) {
            if (i > 12) *out++ = '.';
            out = std::to_chars(out, end, bytes[i]).ptr;
        }
        return {storage.data(), static_cast<std::size_t>(out - storage.data())};
    }
    for (int i = 0; i < 8;) {
        if (i == best) {
            *out++ = ':';
            *out++ = ':';
            i += best_length;
            continue;
        }
        bool const after_gap = best >= 0 && i == best + best_length;
        if (i > 0 && !after_gap) *out++ = ':';
        out = append_hex(out, end, groups[i++]);
    }
    return {storage.data(), static_cast<std::size_t>(out - storage.data())};
}

// A node of `Forwarded`: address, address:port, [v6], [v6]:port.
std::optional<std::string_view> node_ip(std::string_view node, IpText& storage) {
    if (node.starts_with('[')) {
        std::size_t const close = node.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        std::string_view const rest = node.substr(close + 1);
        if (!rest.empty() && rest.front() != ':') return std::nullopt;
        return canonical_ip(node.substr(1, close - 1), storage);
    }
    if (auto ip = canonical_ip(node, storage)) return ip;
    std::size_t const colon = node.rfind(':');
    if (colon == std::string_view::npos || !is_ipv4(node.substr(0, colon))) return std::nullopt;
    return node.substr(0, colon);
}

// The part of `list` before the first `stop` outside of quotes; `list` keeps what follows it.
std::string_view take_until(std::string_view& list, char stop) {
    bool quoted = false;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (list[i] == '"') quoted = !quoted;
        if (quoted && list[i] == '\\')
            ++i;
        else if (!quoted && list[i] == stop) {
            std::string_view const part = list.substr(0, i);
            list.remove_prefix(i + 1);
            return part;
        }
    }
    return std::exchange(list, {});
}

std::optional<std::string_view> forwarded_ip(std::string_view line, IpText& storage) {
    while (!line.empty()) {
        std::string_view element = take_until(line, ',');
        while (!element.empty()) {
            std::string_view const pair = trim(take_until(element, ';'));
            if (pair.size() < 4 || !equal_without_case(pair.substr(0, 4), "for=")) continue;
            std::string_view node = pair.substr(4);
            if (node.size() >= 2 && node.front() == '"' && node.back() == '"') {
                node = node.substr(1, node.size() - 2);
            }
            if (auto ip = node_ip(node, storage)) return ip;
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> list_ip(std::string_view line, IpText& storage) {
    for (;;) {
        std::size_t const comma = line.find(',');
        if (auto ip = canonical_ip(trim(line.substr(0, comma)), storage)) return ip;
        if (comma == std::string_view::npos) return std::nullopt;
        line.remove_prefix(comma + 1);
    }
}

// `203.0.113.7:46532` or `2001:db8::7:46532`.
std::optional<std::string_view> address_with_port(std::string_view text, IpText& storage) {
    std::size_t const colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view address = text.substr(0, colon);
    if (address.size() >= 2 && address.front() == '[' && address.back() == ']') {
        address = address.substr(1, address.size() - 2);
    }
    return canonical_ip(address, storage);
}

}  // namespace

std::optional<std::string_view> canonical_ip(std::string_view text, IpText& storage) {
    if (is_ipv4(text)) return text;
    if (text.size() >= storage.size() || text.find(':') == std::string_view::npos)
        return std::nullopt;
    IpText terminated;
    std::memcpy(terminated.data(), text.data(), text.size());
    terminated[text.size()] = '\0';
    // A NUL inside would end the text early.
    if (std::memchr(terminated.data(), '\0', text.size())) return std::nullopt;
    std::uint8_t bytes[16];
    if (inet_pton(AF_INET6, terminated.data(), bytes) != 1) return std::nullopt;
    return format_ipv6(bytes, storage);
}

std::string_view client_ip(const Head& head, std::string_view peer, IpText& storage) {
    std::optional<std::string_view> found;
    head.each_line(Name::XForwardedFor, [&](std::string_view line) {
        if (!found) found = list_ip(line, storage);
    });
    if (found) return *found;
    head.each_line(Name::Forwarded, [&](std::string_view line) {
        if (!found) found = forwarded_ip(line, storage);
    });
    if (found) return *found;
    for (Name name : {Name::XRealIp, Name::FlyClientIp, Name::TrueClientIp, Name::CfConnectingIp}) {
        if (!head.has(name)) continue;
        if (auto ip = canonical_ip(trim(head.get(name)), storage)) return *ip;
    }
    if (head.has(Name::CloudfrontViewerAddress)) {
        if (auto ip = address_with_port(trim(head.get(Name::CloudfrontViewerAddress)), storage))
            return *ip;
    }
    return peer;
}

}  // namespace capture::http
