#include "telemetry/log_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "telemetry/text.h"

namespace capture::telemetry {
namespace {

constexpr int kOff = static_cast<int>(Level::Error) + 1;

constexpr std::array<std::string_view, 5> kNames{"TRACE", "DEBUG", "INFO", "WARN", "ERROR"};
constexpr std::array<std::string_view, 5> kColours{"\x1b[35m", "\x1b[34m", "\x1b[32m", "\x1b[33m",
                                                   "\x1b[31m"};

constexpr std::array<std::string_view, 7> kReserved{"timestamp", "level", "message", "target",
                                                    "span",      "spans", "threadId"};

std::string_view trim(std::string_view s) {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t'))
        s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t'))
        s.remove_suffix(1);
    return s;
}

std::optional<int> parse_level(std::string_view word) {
    std::string upper(word);
    for (char& c : upper) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    if (upper == "OFF" || upper == "0") return kOff;
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        // The numbers count from 1 = error to 5 = trace.
        if (upper == kNames[i] || upper == std::to_string(kNames.size() - i))
            return static_cast<int>(i);
    }
    return std::nullopt;
}

void append_time(std::string& out, base::Instant at) {
    char text[base::kMaxInstantText];
    out += base::format_rfc3339(at, base::Fraction::Micros, text);
}

void append_plain(std::string& out, const Field::Value& value) {
    struct Visitor {
        std::string& out;
        void operator()(std::string_view s) const { append_json_string(out, s); }
        void operator()(std::int64_t n) const { out += std::to_string(n); }
        void operator()(double d) const {
            // JSON knows neither NaN nor infinity.
            if (std::isfinite(d)) {
                append_number(out, d);
            } else {
                out += "null";
            }
        }
        void operator()(bool b) const { out += b ? "true" : "false"; }
    };
    std::visit(Visitor{out}, value);
}

}  // namespace

void append_json_line(std::string& out, const LogLine& line) {
    out += "{\"timestamp\":\"";
    append_time(out, line.at);
    out += "\",\"level\":\"";
    out += kNames[static_cast<std::size_t>(line.level)];
    out += "\",\"message\":";
    append_json_string(out, line.message);
    std::string renamed;
    for (auto const& field : line.fields) {
        std::string_view key = field.key;
        if (std::ranges::find(kReserved, key) != kReserved.end()) {
            renamed.assign("field.").append(key);
            key = renamed;
        }
        out += ',';
        append_json_string(out, key);
        out += ':';
        append_plain(out, field.value);
    }
    out += ",\"target\":";
    append_json_string(out, line.target);
    std::string span = "{\"name\":\"service\",\"pod\":";
    append_json_string(span, line.pod);
    span += '}';
    out.append(",\"span\":").append(span).append(",\"spans\":[").append(span);
    out.append("],\"threadId\":\"ThreadId(").append(std::to_string(line.thread)).append(")\"}\n");
}

void append_human_line(std::string& out, const LogLine& line, bool colours) {
    auto const level = static_cast<std::size_t>(line.level);
    std::string_view const dim = colours ? "\x1b[2m" : "";
    std::string_view const italic = colours ? "\x1b[3m" : "";
    std::string_view const reset = colours ? "\x1b[0m" : "";
    out += dim;
    append_time(out, line.at);
    out.append(reset).append(kNames[level].size() == 4 ? "  " : " ");
    out.append(colours ? kColours[level] : "").append(kNames[level]).append(reset).append(" ");
    out.append(dim).append(line.target).append(":").append(reset).append(" ");
    // Escaped like JSON: a client's text must not move the cursor or forge a line.
    std::string message;
    append_json_string(message, line.message);
    out.append(message, 1, message.size() - 2);
    for (auto const& field : line.fields) {
        out.append(" ")
            .append(italic)
            .append(field.key)
            .append(reset)
            .append(dim)
            .append("=")
            .append(reset);
        append_plain(out, field.value);
    }
    out += '\n';
}

LogFilter::LogFilter(std::string_view directives) {
    set("", static_cast<int>(Level::Info));
    while (!directives.empty()) {
        auto const comma = directives.find(',');
        auto const part = trim(directives.substr(0, comma));
        directives.remove_prefix(comma == std::string_view::npos ? directives.size() : comma + 1);
        if (part.empty()) continue;
        auto const equals = part.rfind('=');
        if (equals != std::string_view::npos) {
            auto const target = trim(part.substr(0, equals));
            auto const level = parse_level(trim(part.substr(equals + 1)));
            if (level && target.find_first_of("[]{}= ") == std::string_view::npos)
                set(target, *level);
        } else if (auto const level = parse_level(part)) {
            set("", *level);
        } else if (part.find_first_of("[]{} ") == std::string_view::npos) {
            set(part, static_cast<int>(Level::Trace));
        }
    }
    set("pyroscope", static_cast<int>(Level::Warn));
    std::ranges::stable_sort(directives_, std::greater{},
                             [](const Directive& d) { return d.target.size(); });
    lowest_ = std::ranges::min(directives_, {}, &Directive::least).least;
}

void LogFilter::set(std::string_view target, int least) {
    for (auto& d : directives_) {
        if (d.target == target) {
            d.least = least;
            return;
        }
    }
    directives_.push_back({std::string(target), least});
}

bool LogFilter::enabled(Level level, std::string_view target) const {
    if (static_cast<int>(level) < lowest_) return false;
    for (auto const& d : directives_) {
        if (target.starts_with(d.target)) return static_cast<int>(level) >= d.least;
    }
    return false;
}

}  // namespace capture::telemetry
