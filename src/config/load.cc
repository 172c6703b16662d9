#include "config/load.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "config/loading.h"

extern char** environ;

namespace capture::config {
namespace {

using telemetry::Level;

/// A value as it may be shown in a message: short and printable.
std::string quoted(std::string_view text) {
    std::string out = "`";
    for (char c : text.substr(0, 60))
        out += c >= 0x20 && c < 0x7F ? c : '?';
    return out + (text.size() > 60 ? "…`" : "`");
}

std::string shown(Kind kind, bool secret, std::string_view text) {
    if (kind == Kind::RedisUrl) return redact_url(text);
    return secret ? "(hidden)" : std::string(text);
}

Value read(Loading& l, const Option& option, const Loading::Found& found) {
    auto value = parse_value(option.kind, option.limits, found.text);
    if (!value) {
        l.problem(found.name,
                  value.error() + (option.secret ? "" : ", found " + quoted(found.text)));
        return {};
    }
    if (option.kind == Kind::RedisUrl && found.text != "none" && l.options.check_redis_url) {
        auto const wrong = l.options.check_redis_url(found.text);
        if (!wrong.empty()) l.problem(found.name, "not a Redis URL: " + wrong);
    }
    return *value;
}

/// capture-logs waits longer for Redis than the rest.
const char* initial_of(const Option& option, Mode mode) {
    if (mode != Mode::Logs) return option.initial;
    if (std::string_view(option.name) == "REDIS_RESPONSE_TIMEOUT_MS") return "1000";
    if (std::string_view(option.name) == "REDIS_CONNECTION_TIMEOUT_MS") return "3000";
    return option.initial;
}

void load_option(Loading& l, const Option& option) {
    Mode const mode = l.settings().mode;
    // The log service is another program upstream: neither reads the other's variables.
    if (mode == Mode::Logs ? !contains(option.modes, mode) : option.modes == kLogs) return;
    bool const counts = contains(option.modes, mode) && option.store;

    auto const found = l.find(option.name);
    Value value;
    if (found) {
        value = read(l, option, *found);
        (counts ? l.used : l.without_effect).insert(found->name);
    }
    const char* const initial = initial_of(option, mode);
    if (!value.present && initial) value = *parse_value(option.kind, option.limits, initial);
    if (option.store) option.store(l.settings(), value);
    if (!counts) return;
    l.out.values.push_back({option.name,
                            value.present ? shown(option.kind, option.secret, value.text) : "",
                            value.present,
                            found           ? found->source
                            : value.present ? "default"
                                            : "",
                            option.section});
}

/// First, because it decides which of the other variables count.
void load_mode(Loading& l) {
    auto const& option = server_options().front();
    load_option(l, option);
    if (!l.options.invoked_as_logs || l.is_set(option.name)) return;
    l.settings().mode = Mode::Logs;
    l.show(option.name, to_text(Mode::Logs), "the program's name");
}

std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> out;
    while (true) {
        auto const comma = list.find(',');
        out.emplace_back(trim(list.substr(0, comma)));
        if (comma == std::string_view::npos) return out;
        list.remove_prefix(comma + 1);
    }
}

bool is_slot_name(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
}

void load_slots(Loading& l) {
    constexpr const char* kName = "CAPTURE_PRODUCERS";
    auto const found = l.find(kName);
    std::string const text = found ? found->text : kIngestion;
    if (found) l.used.insert(kName);
    for (auto& slot : split(text)) {
        if (!is_slot_name(slot)) {
            l.problem(kName,
                      "expected a comma list of names of capital letters, digits and _, found " +
                          quoted(text));
        } else if (l.producer(slot)) {
            l.problem(kName, "names " + slot + " twice");
        } else {
            l.settings().producers.emplace_back().slot = std::move(slot);
        }
    }
    l.out.values.push_back({kName, text, true, found ? found->source : "default", Section::Kafka});
}

/// The new name when it is set, else a legacy one.
std::optional<Loading::Found> find_either(Loading& l, const std::string& name,
                                          std::initializer_list<const char*> legacy_names) {
    if (auto found = l.find(name)) {
        l.used.insert(name);
        return found;
    }
    for (const char* legacy : legacy_names) {
        if (!legacy) continue;
        if (auto found = l.find(legacy)) {
            found->source = std::string(legacy) + " (legacy)";
            l.used.insert(legacy);
            l.legacy_used[legacy].push_back(name);
            return found;
        }
    }
    return std::nullopt;
}

/// Legacy values in a larger unit become text in the new one.
std::string scaled(const std::string& text, std::uint64_t factor) {
    if (factor == 1) return text;
    auto const number = parse_value(Kind::Unsigned, {.max = UINT32_MAX}, text);
    return number ? std::to_string(number->number * factor) : text;
}

void load_producer(Loading& l, ProducerSettings& slot) {
    for (auto const& option : producer_options()) {
        auto const name = producer_variable(slot.slot, option.suffix);
        auto found = find_either(l, name, {slot.slot == kIngestion ? option.legacy : nullptr});
        std::string text = found ? found->text : option.initial;
        if (found && found->name != name) text = scaled(text, option.legacy_factor);
        auto value = parse_value(option.kind, option.limits, text);
        if (!value) {
            l.problem(found->name, value.error() + ", found " + quoted(found->text) +
                                       " (producer " + slot.slot + ")");
            text = option.initial;
            value = parse_value(option.kind, option.limits, text);
        }
        option.store(slot, *value);
        l.out.values.push_back(
            {name, text, true, found ? found->source : "default", Section::Kafka});
    }
}

void load_outputs(Loading& l) {
    std::string missing_default;
    for (auto const& option : output_options()) {
        OutputSettings output;
        if (option.has_topic) {
            auto const name = topic_variable(option.name);
            auto const found = find_either(l, name, {option.legacy[0], option.legacy[1]});
            output.topic = found ? found->text : option.initial;
            l.out.values.push_back({name, output.topic, found || *option.initial,
                                    found             ? found->source
                                    : *option.initial ? "default"
                                                      : "",
                                    Section::Kafka});
        }
        auto const name = "CAPTURE_OUTPUT_" + std::string(option.name) + "_PRODUCER";
        auto const found = l.find(name);
        if (found) {
            l.used.insert(name);
            output.producer = found->text;
            if (!l.producer(output.producer)) {
                l.problem(name, quoted(found->text) +
                                    " is not one of the producers that CAPTURE_PRODUCERS names");
            }
        } else if (!l.producer(output.producer) && (!output.topic.empty() || !option.has_topic)) {
            missing_default.append(missing_default.empty() ? "" : ", ").append(option.name);
        }
        l.out.values.push_back(
            {name, output.producer, true, found ? found->source : "default", Section::Kafka});
        l.settings().outputs.by_name.emplace(option.name, std::move(output));
    }
    if (!missing_default.empty()) {
        l.problem("CAPTURE_PRODUCERS",
                  "does not name INGESTION, which these outputs use because their "
                  "CAPTURE_OUTPUT_<OUTPUT>_PRODUCER is not set: " +
                      missing_default);
    }
}

bool looks_like_ours(std::string_view name) {
    if (name.starts_with("CAPTURE_OUTPUT_")) return true;
    for (auto const& option : producer_options()) {
        auto const tail = "_PRODUCER_" + std::string(option.suffix);
        if (name.starts_with("KAFKA_") && name.size() > 6 + tail.size() && name.ends_with(tail))
            return true;
    }
    return std::ranges::any_of(retired_prefixes(),
                               [&](const char* p) { return name.starts_with(p); });
}

/// Known names that are set and decided nothing: retired ones, legacy ones beaten by their new
/// name, slots and outputs that do not exist.
void collect_without_effect(Loading& l) {
    auto const note = [&](std::string_view name) {
        if (l.is_set(name) && !l.used.contains(name)) l.without_effect.emplace(name);
    };
    for (auto const& option : retired_options())
        note(option.name);
    for (auto const& option : producer_options()) {
        if (option.legacy) note(option.legacy);
    }
    note("KAFKA_TLS");
    for (auto const& option : output_options()) {
        for (const char* legacy : option.legacy) {
            if (legacy) note(legacy);
        }
    }
    for (auto const& [name, text] : l.environment) {
        if (looks_like_ours(name)) note(name);
    }
}

void note_names(Loading& l) {
    if (l.settings().mode != Mode::Logs) {
        for (auto const& [legacy, names] : l.legacy_used) {
            std::string list;
            for (auto const& name : names)
                list.append(list.empty() ? "" : " and ").append(name);
            l.notice(Level::Warn,
                     legacy + " is a legacy name and still counts; its new name is " + list);
        }
    }
    if (l.without_effect.empty()) return;
    std::string list;
    for (auto const& name : l.without_effect)
        list.append(list.empty() ? "" : ", ").append(name);
    l.notice(Level::Warn, "These variables are set and have no effect here: " + list);
}

}  // namespace

std::optional<Loading::Found> Loading::find(std::string_view name) const {
    if (auto const at = options.overrides.find(name); at != options.overrides.end()) {
        return Found{at->second, at->first, "command line"};
    }
    if (auto const at = environment.find(name); at != environment.end()) {
        return Found{at->second, at->first, "environment"};
    }
    return std::nullopt;
}

void Loading::problem(std::string_view variable, std::string text) {
    // One shared variable may be read for two outputs.
    for (auto const& p : out.problems) {
        if (p.variable == variable && p.text == text) return;
    }
    out.problems.push_back({std::string(variable), std::move(text)});
}

Resolved* Loading::resolved(std::string_view name) {
    auto const at = std::ranges::find(out.values, name, &Resolved::name);
    return at == out.values.end() ? nullptr : &*at;
}

void Loading::show(std::string_view name, std::string value, std::string source) {
    if (auto* const r = resolved(name)) {
        r->value = std::move(value);
        r->present = true;
        r->source = std::move(source);
    }
}

ProducerSettings* Loading::producer(std::string_view slot) {
    auto& producers = settings().producers;
    auto const at = std::ranges::find(producers, slot, &ProducerSettings::slot);
    return at == producers.end() ? nullptr : &*at;
}

std::string producer_variable(std::string_view slot, std::string_view suffix) {
    return std::string("KAFKA_").append(slot).append("_PRODUCER_").append(suffix);
}
std::string topic_variable(std::string_view output) {
    return std::string("CAPTURE_OUTPUT_").append(output).append("_TOPIC");
}

Environment read_environment() {
    Environment out;
    for (char** entry = environ; entry && *entry; ++entry) {
        const char* const equals = std::strchr(*entry, '=');
        if (equals)
            out.try_emplace(std::string(static_cast<const char*>(*entry), equals), equals + 1);
    }
    return out;
}

std::string redact_url(std::string_view url) {
    auto const scheme = url.find("://");
    if (scheme == std::string_view::npos) return url == "none" ? "none" : "(hidden)";
    auto const start = scheme + 3;
    // The last @: a password may hold one that nobody encoded.
    auto const at = url.rfind('@');
    auto const query = url.find("pass=");
    if (query != std::string_view::npos) return std::string(url.substr(0, start)) + "(hidden)";
    if (at == std::string_view::npos || at < start) return std::string(url);
    return std::string(url.substr(0, start)) + "***" + std::string(url.substr(at));
}

Loaded load(const Environment& environment, const LoadOptions& options) {
    Loading l{environment, options, {}, {}, {}, {}};
    l.settings().dev = options.dev;
    load_mode(l);
    for (auto const& option : server_options().subspan(1))
        load_option(l, option);
    load_slots(l);
    for (auto& slot : l.settings().producers)
        load_producer(l, slot);
    load_outputs(l);
    for (auto const& option : limit_options())
        load_option(l, option);
    for (auto const& option : log_options())
        load_option(l, option);

    apply_kafka_tls(l);
    apply_emergency_switch(l);
    apply_dev(l);
    apply_machine(l);
    apply_redis_roles(l);
    check_producers(l);
    check_outputs(l);
    check_recordings(l);
    check_limits(l);

    collect_without_effect(l);
    note_names(l);
    std::ranges::stable_sort(l.out.values, {}, &Resolved::section);
    return std::move(l.out);
}

}  // namespace capture::config
