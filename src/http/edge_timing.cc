#include "http/edge_timing.h"

#include <algorithm>

namespace capture::http {
namespace {

constexpr std::int64_t kMaxAgeMillis = 600'000;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::optional<unsigned> hex_digit(char c) {
    if (is_digit(c)) return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return std::nullopt;
}

std::optional<std::int64_t> parse_trace_version_1(std::string_view value) {
    constexpr std::size_t kTime = 2, kDash = 10, kId = 11, kSize = 35;
    if (value.size() != kSize || !value.starts_with("1-") || value[kDash] != '-')
        return std::nullopt;
    std::int64_t seconds = 0;
    for (char c : value.substr(kTime, kDash - kTime)) {
        auto const digit = hex_digit(c);
        if (!digit) return std::nullopt;
        seconds = seconds * 16 + *digit;
    }
    for (char c : value.substr(kId)) {
        if (!hex_digit(c)) return std::nullopt;
    }
    return seconds * 1000;
}

void observe(std::int64_t stamp, base::Instant now, const Probe::Edge& edge) {
    std::int64_t const age = now.millis() - stamp;
    if (age < 0) {
        edge.negative.add();
    } else if (age > kMaxAgeMillis) {
        edge.implausible.add();
    } else {
        edge.seconds.observe(static_cast<double>(age) / 1000);
    }
}

}  // namespace

std::optional<std::int64_t> parse_request_start(std::string_view line) {
    if (line.starts_with("t=")) line.remove_prefix(2);
    std::size_t const dot = line.find('.');
    std::string_view const whole = line.substr(0, dot);
    // 15 digits of seconds stay inside 64 bits of milliseconds.
    if (whole.empty() || whole.size() > 15 || !std::ranges::all_of(whole, is_digit))
        return std::nullopt;
    std::int64_t millis = 0;
    for (char c : whole)
        millis = millis * 10 + (c - '0');
    millis *= 1000;
    if (dot == std::string_view::npos) return millis;
    std::string_view const fraction = line.substr(dot + 1);
    if (fraction.empty() || !std::ranges::all_of(fraction, is_digit)) return std::nullopt;
    std::int64_t scale = 100;
    for (char c : fraction.substr(0, 3)) {
        millis += scale * (c - '0');
        scale /= 10;
    }
    return millis;
}

std::optional<std::int64_t> parse_amzn_trace_id(std::string_view line) {
    std::optional<std::int64_t> self, root;
    while (!line.empty()) {
        std::size_t const end = std::min(line.find(';'), line.size());
        std::string_view field = line.substr(0, end);
        line.remove_prefix(std::min(end + 1, line.size()));
        while (field.starts_with(' '))
            field.remove_prefix(1);
        if (field.starts_with("Self=") && !self) self = parse_trace_version_1(field.substr(5));
        if (field.starts_with("Root=") && !root) root = parse_trace_version_1(field.substr(5));
    }
    return self ? self : root;
}

void observe_edge(const Head& head, base::Instant now, const Probe& probe) {
    std::optional<std::int64_t> start;
    head.each_line(Name::XRequestStart, [&](std::string_view line) {
        if (auto const parsed = parse_request_start(line)) start = parsed;
    });
    if (start) observe(*start, now, probe.envoy);
    if (head.has(Name::XAmznTraceId)) {
        if (auto const stamp = parse_amzn_trace_id(head.get(Name::XAmznTraceId)))
            observe(*stamp, now, probe.alb);
    }
}

}  // namespace capture::http
