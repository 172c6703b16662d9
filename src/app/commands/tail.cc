#include "app/commands/tail.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <thread>

#include "app/exit_code.h"
#include "telemetry/text.h"

namespace capture::app {
namespace {

constexpr std::size_t kBatch = 500;
constexpr std::chrono::milliseconds kPoll{100};
constexpr std::size_t kMaxShown = 80;

namespace colour {
constexpr std::string_view kReset = "\x1b[0m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kEvent = "\x1b[1;36m";
constexpr std::string_view kPerson = "\x1b[33m";
constexpr std::string_view kTopic = "\x1b[32m";
constexpr std::string_view kFlag = "\x1b[1;35m";
}  // namespace colour

std::string_view header(const sink::StoredRecord& record, std::string_view name) {
    for (auto const& [key, value] : record.headers) {
        if (key == name && value) return *value;
    }
    return {};
}

/// Printable, and short enough for a line.
std::string shown(std::string_view text) {
    if (text.empty()) return "-";
    bool const cut = text.size() > kMaxShown;
    std::string quoted;
    // A character cut in two comes out as U+FFFD.
    telemetry::append_json_string(quoted, text.substr(0, kMaxShown));
    return quoted.substr(1, quoted.size() - 2) + (cut ? "…" : "");
}

/// Characters, for aligning; wide ones count as one.
std::size_t width(std::string_view utf8) {
    return static_cast<std::size_t>(
        std::ranges::count_if(utf8, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string flags(const sink::StoredRecord& record) {
    std::string out;
    auto const add = [&](std::string_view text) {
        out.append(out.empty() ? "" : " ").append(text);
    };
    if (header(record, "historical_migration") == "true") add("historical");
    if (header(record, "force_disable_person_processing") == "true") add("no-person-processing");
    if (header(record, "skip_heatmap_processing") == "true") add("heatmap-split");
    if (auto const reason = header(record, "dlq_reason"); !reason.empty())
        add("dlq:" + shown(reason));
    if (auto const encoding = header(record, "content-encoding"); !encoding.empty())
        add(shown(encoding));
    return out;
}

void append_nullable(std::string& out, const std::optional<std::string>& text) {
    if (text) {
        telemetry::append_json_string(out, *text);
    } else {
        out += "null";
    }
}

bool is_json_line(const sink::StoredRecord& record) {
    return header(record, "content-encoding").empty() && record.value.starts_with('{') &&
           record.value.ends_with('}') && record.value.find('\n') == std::string::npos;
}

void say(const std::string& text) {
    std::fprintf(stderr, "capture tail: %s\n", text.c_str());
}

/// Where the first line begins, in a store that is open.
std::expected<std::int64_t, std::string> beginning(sink::StoreReader& reader,
                                                   const TailOptions& options) {
    if (options.since_id) return *options.since_id;
    if (options.from_start || options.no_follow) return 0;
    auto const last = reader.last_id();
    if (!last) return last;
    return std::max<std::int64_t>(0, *last - std::max<std::int64_t>(0, options.last));
}

/// Prints what is there after `id` and moves it on.
std::expected<void, std::string> print_new(sink::StoreReader& reader, std::int64_t& id,
                                           const TailOptions& options, bool colours) {
    while (true) {
        auto const records = reader.after(id, kBatch);
        if (!records) return std::unexpected(records.error());
        for (auto const& record : *records) {
            std::fputs((options.json ? tail_json(record) : tail_line(record, colours)).c_str(),
                       stdout);
            id = record.id;
        }
        std::fflush(stdout);
        if (records->empty()) return {};
    }
}

/// Waits for the file when it may still come.
std::expected<sink::StoreReader, std::string> open(const TailOptions& options) {
    bool told = false;
    while (true) {
        auto reader = sink::StoreReader::open(options.path);
        if (reader || options.no_follow || ::access(options.path.c_str(), F_OK) == 0) return reader;
        if (!std::exchange(told, true))
            say("waiting for " + options.path + " (start `capture --dev`)");
        std::this_thread::sleep_for(kPoll);
    }
}

std::expected<void, std::string> follow(const TailOptions& options, bool colours) {
    auto reader = open(options);
    if (!reader) return std::unexpected(reader.error());
    auto start = beginning(*reader, options);
    if (!start) return std::unexpected(start.error());
    for (std::int64_t id = *start;;) {
        if (auto const printed = print_new(*reader, id, options, colours); !printed) return printed;
        if (options.no_follow) return {};
        while (!reader->changed()) {
            if (std::ferror(stdout)) return {};
            std::this_thread::sleep_for(kPoll);
            if (!reader->moved()) continue;
            reader = open(options);
            if (!reader) return std::unexpected(reader.error());
            id = 0;
            break;
        }
    }
}

}  // namespace

std::string tail_line(const sink::StoredRecord& record, bool colours) {
    std::string out;
    std::size_t line_width = 0;
    auto const put = [&](std::string_view style, std::string_view text, std::size_t at_least = 0) {
        if (colours) out += style;
        out += text;
        if (colours) out += colour::kReset;
        line_width = width(text);
        out.append(line_width < at_least ? at_least - line_width : 0, ' ').append("  ");
    };
    char time[base::kMaxInstantText];
    auto const instant = base::format_rfc3339(record.time, base::Fraction::Millis, time);
    put(colour::kDim, instant.substr(11, 12));
    put(colour::kEvent, shown(header(record, "event")), 20);
    put(colour::kPerson, shown(header(record, "distinct_id")), 20);
    put(colour::kDim, shown(header(record, "token")));
    put(colour::kTopic, "→ " + shown(record.topic));
    put(colour::kDim, record.key ? "key=" + shown(*record.key) : "no key");
    if (auto const text = flags(record); !text.empty()) put(colour::kFlag, text);
    while (out.ends_with(' '))
        out.pop_back();
    return out + "\n";
}

std::string tail_json(const sink::StoredRecord& record) {
    char time[base::kMaxInstantText];
    std::string out = "{\"id\":" + std::to_string(record.id) + ",\"time\":\"";
    out.append(base::format_rfc3339(record.time, base::Fraction::Millis, time))
        .append("\",\"topic\":");
    telemetry::append_json_string(out, record.topic);
    out += ",\"key\":";
    append_nullable(out, record.key);
    out += ",\"headers\":{";
    bool first = true;
    for (auto const& [name, value] : record.headers) {
        if (!std::exchange(first, false)) out += ',';
        telemetry::append_json_string(out, name);
        out += ':';
        append_nullable(out, value);
    }
    if (is_json_line(record)) {
        out.append("},\"value\":").append(record.value).append("}\n");
    } else {
        out.append("},\"value\":null,\"value_bytes\":")
            .append(std::to_string(record.value.size()))
            .append("}\n");
    }
    return out;
}

int run_tail(const TailOptions& options) {
    bool const colours = options.colours && !options.json && ::isatty(STDOUT_FILENO) == 1;
    auto const ended = follow(options, colours);
    if (ended) return kExitOk;
    say(ended.error());
    return kExitFailure;
}

}  // namespace capture::app
