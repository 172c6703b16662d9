// The command line: what `capture` was asked to do.
//
//   capture [serve] [--dev] [--address A | --port N]     capture config [--json] [--changed]
//   capture check capture tail [--json] [--from-start] …               capture docs
//   options|metrics|errors     capture --version
//
// --dev, --address and --port may stand before or after the command. Everything else is configured
// by the environment.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "app/commands/config.h"
#include "app/commands/explain.h"
#include "app/commands/tail.h"
#include "config/load.h"

namespace capture::app {

enum class Command : std::uint8_t { Serve, Tail, Config, Check, Explain, Docs };

struct CommandLine {
    Command command = Command::Serve;
    bool dev = false;
    std::optional<std::string> address;  ///< --address: overrides ADDRESS
    std::optional<unsigned> port;        ///< --port: overrides the port in ADDRESS
    ConfigOptions config;
    TailOptions tail;
    ExplainOptions explain;
    std::string docs_page;
};

/// What to print and the exit status when nothing is to be run: `--help`, `--version`, or a wrong
/// command line.
struct Exit {
    int status;
    std::string text;
};
std::expected<CommandLine, Exit> parse_command_line(std::vector<std::string> arguments);

/// The environment and the command line together. `invoked_as` is argv[0].
config::Loaded load_configuration(const CommandLine& line, const config::Environment& environment,
                                  std::string_view invoked_as);

/// The whole program; returns the exit status.
int main(int argc, char** argv);

}  // namespace capture::app
