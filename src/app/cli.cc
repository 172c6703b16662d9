#include "app/cli.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <sstream>

#include "app/commands/check.h"
#include "app/commands/docs.h"
#include "app/commands/version.h"
#include "app/exit_code.h"
#include "app/serve.h"
#include "limits/redis/transport.h"
#include "limits/redis/url.h"

namespace capture::app {
namespace {

std::string redis_url_problem(std::string_view url) {
    auto const parsed = limits::redis::parse_url(url);
    return parsed ? "" : parsed.error();
}

/// ADDRESS as the command line wants it; nothing when it does not care.
std::optional<std::string> address_override(const CommandLine& line,
                                            const config::Environment& environment) {
    if (!line.port) return line.address;
    std::string address = line.address.value_or("");
    if (address.empty()) {
        auto const set = environment.find("ADDRESS");
        address = set == environment.end() ? config::ServerSettings{}.address : set->second;
    }
    return address.substr(0, address.rfind(':')) + ":" + std::to_string(*line.port);
}

void add_tail(CLI::App& app, CommandLine& line) {
    auto* const tail = app.add_subcommand("tail", "Follow the events that `capture --dev` stores");
    tail->add_option("--store", line.tail.path, "File of the store (default: CAPTURE_STORE_PATH)");
    tail->add_flag("--json", line.tail.json, "One JSON object per line, for programs");
    tail->add_option("-n,--lines", line.tail.last, "Begin with so many older records (10)")
        ->check(CLI::NonNegativeNumber);
    tail->add_flag("--from-start", line.tail.from_start, "Begin with the oldest record");
    tail->add_option("--since-id", line.tail.since_id, "Begin after this record")
        ->excludes("--from-start");
    tail->add_flag("--no-follow", line.tail.no_follow, "Print all that is there and end");
    tail->callback([&line] { line.command = Command::Tail; });
}

void add_explain(CLI::App& app, CommandLine& line) {
    auto* const explain =
        app.add_subcommand("explain", "Where would an event go, and why? Asks the live Redis");
    explain->add_option("--token", line.explain.token, "Project token")->required();
    explain->add_option("--distinct-id", line.explain.distinct_id, "distinct_id")->required();
    explain->add_option("--event", line.explain.event, "Name of the event ($pageview)");
    explain->add_option("--session-id", line.explain.session_id,
                        "Session id; a recording needs one");
    explain->add_option("--uuid", line.explain.uuid, "uuid of the event");
    explain->add_option("--properties", line.explain.properties, "Its properties, as JSON ({})");
    explain->add_flag("--historical", line.explain.historical,
                      "As if sent with historical_migration");
    explain->add_flag("--json", line.explain.json, "As JSON");
    explain->callback([&line] { line.command = Command::Explain; });
}

}  // namespace

std::expected<CommandLine, Exit> parse_command_line(std::vector<std::string> arguments) {
    CommandLine line;
    CLI::App app("capture takes events from PostHog SDKs and produces them to Kafka.", "capture");
    app.set_version_flag("--version", version_text(), "Version, commit, compiler and libraries");
    app.set_help_flag("--help,-h", "This text");
    app.footer(options_help);
    app.fallthrough();
    app.require_subcommand(0, 1);
    app.add_flag("--dev", line.dev, "Run without Kafka and Redis, on an embedded durable store");
    app.add_option("--address", line.address, "Listen here (overrides ADDRESS)");
    app.add_option("--port", line.port, "Listen on this port (overrides the port in ADDRESS)")
        ->check(CLI::Range(0, 65535));

    app.add_subcommand("serve", "Serve (what happens without a command)");
    add_tail(app, line);
    add_explain(app, line);
    auto* const config = app.add_subcommand(
        "config", "Print the resolved configuration and its sources, secrets hidden");
    config->add_flag("--json", line.config.json, "As JSON");
    config->add_flag("--changed", line.config.changed, "Only what differs from the defaults");
    config->callback([&line] { line.command = Command::Config; });
    app.add_subcommand("check", "Validate the configuration, try brokers and Redis")
        ->callback([&line] { line.command = Command::Check; });
    auto* const docs = app.add_subcommand("docs", "Print a generated page of the documentation");
    docs->add_option("page", line.docs_page, "options, metrics or errors")
        ->required()
        ->check(CLI::IsMember(std::vector<std::string>(kDocsPages.begin(), kDocsPages.end())));
    docs->callback([&line] { line.command = Command::Docs; });

    try {
        std::ranges::reverse(arguments);  // as CLI11 wants them
        app.parse(arguments);
    } catch (const CLI::ParseError& error) {
        std::ostringstream out;
        std::ostringstream complaint;
        bool const asked_for = app.exit(error, out, complaint) == 0;
        return std::unexpected(
            Exit{asked_for ? kExitOk : kExitUsage, asked_for ? out.str() : complaint.str()});
    }
    return line;
}

config::Loaded load_configuration(const CommandLine& line, const config::Environment& environment,
                                  std::string_view invoked_as) {
    config::LoadOptions options{
        .dev = line.dev,
        .invoked_as_logs = invoked_as.substr(invoked_as.rfind('/') + 1) == "capture-logs",
        .overrides = {},
        .machine = config::this_machine(),
        .check_redis_url = redis_url_problem,
        .check_redis_ca_file = limits::redis::ca_file_problem};
    if (auto address = address_override(line, environment)) options.overrides["ADDRESS"] = *address;
    return config::load(environment, options);
}

int main(int argc, char** argv) {
    auto line = parse_command_line({argv + 1, argv + argc});
    if (!line) {
        std::fputs(line.error().text.c_str(), line.error().status == kExitOk ? stdout : stderr);
        return line.error().status;
    }
    if (line->command == Command::Docs) {
        std::fputs(docs_page(line->docs_page).c_str(), stdout);
        return kExitOk;
    }
    auto loaded = load_configuration(*line, config::read_environment(), argv[0]);
    // Colours are part of LOG_LEVEL=debug whoever reads; --dev has them for people only.
    if (line->dev && ::isatty(STDOUT_FILENO) != 1) loaded.settings.telemetry.log.colours = false;
    switch (line->command) {
        case Command::Config:
            return run_config(loaded, line->config);
        case Command::Check:
            return run_check(loaded);
        case Command::Tail:
            if (line->tail.path.empty()) line->tail.path = loaded.settings.store_path;
            line->tail.colours = loaded.settings.telemetry.log.colours;
            return run_tail(line->tail);
        case Command::Docs:
        case Command::Explain:
        case Command::Serve:
            break;
    }
    if (!loaded.problems.empty()) {
        print_problems(loaded);
        return kExitConfig;
    }
    if (line->command == Command::Explain) return run_explain(loaded.settings, line->explain);
    return serve(loaded);
}

}  // namespace capture::app
