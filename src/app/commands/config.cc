#include "app/commands/config.h"

#include <algorithm>
#include <cstdio>

#include "app/exit_code.h"
#include "telemetry/text.h"

namespace capture::app {
namespace {

bool wanted(const config::Resolved& value, const ConfigOptions& options) {
    return !options.changed || (value.present && value.source != "default");
}

std::string json_text(const config::Loaded& loaded, const ConfigOptions& options) {
    std::string out = "[";
    for (auto const& value : loaded.values) {
        if (!wanted(value, options)) continue;
        out += out.size() > 1 ? ",\n {\"name\":" : "\n {\"name\":";
        telemetry::append_json_string(out, value.name);
        out += ",\"value\":";
        if (value.present) {
            telemetry::append_json_string(out, value.value);
        } else {
            out += "null";
        }
        out += ",\"source\":";
        telemetry::append_json_string(out, value.source);
        out += ",\"section\":";
        telemetry::append_json_string(out, config::title(value.section));
        out += '}';
    }
    return out + "\n]\n";
}

std::string shown(const config::Resolved& value) {
    if (!value.present) return "-";
    return value.value.empty() ? "(empty)" : value.value;
}

}  // namespace

std::string config_text(const config::Loaded& loaded, const ConfigOptions& options) {
    if (options.json) return json_text(loaded, options);
    std::size_t name_width = 0;
    std::size_t value_width = 0;
    for (auto const& value : loaded.values) {
        if (!wanted(value, options)) continue;
        name_width = std::max(name_width, value.name.size());
        value_width = std::max(value_width, std::min<std::size_t>(shown(value).size(), 48));
    }
    std::string out;
    std::string_view section;
    for (auto const& value : loaded.values) {
        if (!wanted(value, options)) continue;
        if (section != config::title(value.section)) {
            section = config::title(value.section);
            out.append(out.empty() ? "" : "\n").append("# ").append(section).append("\n");
        }
        auto const text = shown(value);
        out.append(value.name).append(name_width + 2 - value.name.size(), ' ').append(text);
        if (!value.source.empty()) {
            out.append(text.size() < value_width ? value_width - text.size() : 0, ' ')
                .append("  ")
                .append(value.source);
        }
        out += '\n';
    }
    return out;
}

void print_problems(const config::Loaded& loaded) {
    for (auto const& problem : loaded.problems)
        std::fprintf(stderr, "capture: %s\n", problem.line().c_str());
}

int run_config(const config::Loaded& loaded, const ConfigOptions& options) {
    std::fputs(config_text(loaded, options).c_str(), stdout);
    std::fflush(stdout);
    for (auto const& notice : loaded.notices)
        std::fprintf(stderr, "note: %s\n", notice.text.c_str());
    print_problems(loaded);
    return loaded.problems.empty() ? kExitOk : kExitConfig;
}

}  // namespace capture::app
