#include <algorithm>
#include <vector>

#include "app/commands/docs.h"
#include "app/commands/docs_pages.h"
#include "config/options.h"

namespace capture::app {
namespace {

using config::Kind;
using config::Mode;
using config::Option;
using config::Section;

constexpr Section kSections[]{Section::Server,       Section::Kafka,     Section::Redis,
                              Section::Tokens,       Section::Overflow,  Section::RateLimit,
                              Section::Restrictions, Section::Ai,        Section::Warnings,
                              Section::Emergency,    Section::Telemetry, Section::Logs,
                              Section::Retired};

std::vector<const Option*> of(Section section) {
    std::vector<const Option*> out;
    for (auto const& table : {config::server_options(), config::limit_options(),
                              config::log_options(), config::retired_options()}) {
        for (auto const& option : table) {
            if (option.section == section) out.push_back(&option);
        }
    }
    return out;
}

std::string words(const char* list) {
    std::string out;
    for (std::string_view rest = list;;) {
        auto const bar = rest.find('|');
        auto const word = rest.substr(0, bar);
        out.append(out.empty() ? "" : ", ").append(word.empty() ? "empty" : word);
        if (bar == std::string_view::npos) return out;
        rest.remove_prefix(bar + 1);
    }
}

std::string kind_text(Kind kind, const config::Limits& limits) {
    std::string const max = limits.max == UINT64_MAX ? "" : std::to_string(limits.max);
    switch (kind) {
        case Kind::Text:
            return "text";
        case Kind::Bool:
            return "true, false";
        case Kind::Unsigned:
        case Kind::Duration:
            if (!max.empty()) return "number " + std::to_string(limits.min) + " – " + max;
            return limits.min > 0 ? "number from " + std::to_string(limits.min) : "number";
        case Kind::Signed:
            return "whole number";
        case Kind::Float:
            return "decimal " + std::to_string(limits.min) + " – " + max;
        case Kind::Address:
            return "address:port";
        case Kind::Level:
            return "error, warn, info, debug, trace";
        case Kind::Word:
        case Kind::ExactWord:
            return words(limits.words);
        case Kind::RedisUrl:
            return "redis://, rediss:// or redis+unix:// URL, `none`";
    }
    return "";
}

std::string modes_text(config::Modes modes) {
    if (modes == config::kAll) return "all";
    if (modes == config::kMain) return "all but logs";
    std::string out;
    for (auto mode : {Mode::Events, Mode::Ai, Mode::Import, Mode::Recordings, Mode::Logs}) {
        if (config::contains(modes, mode))
            out.append(out.empty() ? "" : ", ").append(config::to_text(mode));
    }
    return out;
}

std::string default_text(const Option& option) {
    std::string const fallback = option.fallback;
    if (option.initial && (*option.initial != '0' || fallback.empty())) {
        return *option.initial ? code(option.initial) : "empty";
    }
    return fallback.empty() ? "unset" : "unset: " + cell(fallback);
}

void append_table(std::string& out, const std::vector<const Option*>& options) {
    out += "| variable | value | default | modes | meaning |\n|---|---|---|---|---|\n";
    for (auto const* option : options) {
        out += "| " + code(option->name) + " | " + cell(kind_text(option->kind, option->limits)) +
               " | " + default_text(*option) + " | " + modes_text(option->modes) + " | " +
               cell(option->help) + (option->secret ? " (secret)" : "") + " |\n";
    }
}

void append_kafka(std::string& out) {
    out +=
        "\n### Producers\n\n`CAPTURE_PRODUCERS` (comma list, default `INGESTION`) names producer "
        "slots. Each is configured "
        "by `KAFKA_<SLOT>_PRODUCER_…`; the slot `INGESTION` also reads the older names, where the "
        "newer one is not "
        "set.\n\n| `KAFKA_<SLOT>_PRODUCER_…` | older name | value | default | librdkafka "
        "|\n|---|---|---|---|---|\n";
    for (auto const& option : config::producer_options()) {
        std::string legacy = code(option.legacy ? option.legacy : "");
        if (option.legacy_factor != 1) legacy += " × " + std::to_string(option.legacy_factor);
        if (std::string_view(option.suffix) == "SECURITY_PROTOCOL")
            legacy = "`KAFKA_TLS=true`: `ssl`, not verified";
        out += "| " + code(option.suffix) + " | " + legacy + " | " +
               cell(kind_text(option.kind, option.limits)) + " | " +
               (*option.initial ? code(option.initial) : "not set") + " | " +
               code(option.property) + " |\n";
    }
    out +=
        "\n### Outputs\n\nEach output has `CAPTURE_OUTPUT_<OUTPUT>_TOPIC` and "
        "`CAPTURE_OUTPUT_<OUTPUT>_PRODUCER` (a slot, "
        "default `INGESTION`).\n\n| output | default topic | older name | what it takes "
        "|\n|---|---|---|---|\n";
    for (auto const& option : config::output_options()) {
        std::string legacy;
        for (const char* name : option.legacy) {
            if (name) legacy += (legacy.empty() ? "" : ", ") + code(name);
        }
        out += "| " + code(option.name) + " | " +
               (*option.initial    ? code(option.initial)
                : option.has_topic ? "unset"
                                   : "–") +
               " | " + legacy + " | " + cell(option.help) + " |\n";
    }
}

}  // namespace

std::string options_page() {
    std::string out = page_head("Configuration", "options", "src/config/options_*.cc");
    out +=
        "\nThe service is configured by its environment alone. A value that cannot be read stops "
        "the start; `capture "
        "check` says everything that is wrong, `capture config` prints every value and its source. "
        "A variable that is "
        "set to the empty text is set: for numbers and true/false that is an error. Modes are "
        "values of "
        "`CAPTURE_MODE`.\n";
    for (auto section : kSections) {
        out += std::string("\n## ") + config::title(section) + "\n\n";
        if (section != Section::Retired) {
            append_table(out, of(section));
            if (section == Section::Kafka) append_kafka(out);
            continue;
        }
        out +=
            "Known to other versions of this service. One that is set is named in a warning at "
            "start.\n\n";
        for (auto const* option : of(section))
            out += "- " + code(option->name) + ": " + cell(option->help) + "\n";
        for (const char* prefix : config::retired_prefixes())
            out += "- " + code(std::string(prefix) + "…") + "\n";
    }
    return out;
}

std::string options_help() {
    std::string out = "Environment (all of it with every detail: docs/options.md):\n";
    auto const line = [&](std::string_view name, std::string_view initial, std::string_view help) {
        out.append("  ").append(name);
        if (!initial.empty()) out.append("=").append(initial);
        out.append("\n      ").append(help).append("\n");
    };
    for (auto section : kSections) {
        if (section == Section::Retired) continue;
        out.append("\n").append(config::title(section)).append("\n");
        for (auto const* option : of(section)) {
            std::string help = option->help;
            if (*option->fallback) help.append(" (unset: ").append(option->fallback).append(")");
            // A 0 that stands for something else is explained, not shown.
            bool const shows = option->initial && !*option->fallback;
            line(option->name, shows ? option->initial : "", help);
        }
        if (section != Section::Kafka) continue;
        line("CAPTURE_PRODUCERS", "INGESTION", "producer slots, comma-separated");
        for (auto const& option : config::producer_options()) {
            std::string help = option.property;
            if (option.legacy) help.append(" (older name ").append(option.legacy).append(")");
            line(std::string("KAFKA_<SLOT>_PRODUCER_") + option.suffix, option.initial, help);
        }
        for (auto const& option : config::output_options()) {
            auto const name = std::string("CAPTURE_OUTPUT_") + option.name;
            line(name + (option.has_topic ? "_TOPIC" : "_PRODUCER"), option.initial, option.help);
        }
    }
    return out;
}

}  // namespace capture::app
