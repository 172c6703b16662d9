// From the environment to Settings, once, at start: reads every variable that options.h declares,
// applies the rules between them, and reports every problem at once, one line each, naming the
// variable. Contract 80 §1, §3; 20 §6.
//
//   auto loaded = config::load(config::read_environment(), {.dev = true, .machine =
//   config::this_machine()}); if (!loaded.problems.empty()) …   // exit 78
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/machine.h"
#include "config/options.h"
#include "config/settings.h"
#include "telemetry/log.h"

namespace capture::config {

using Environment = std::map<std::string, std::string, std::less<>>;

/// A snapshot of the process's environment; the only place that reads it.
Environment read_environment();

struct LoadOptions {
    bool dev = false;              ///< --dev
    bool invoked_as_logs = false;  ///< the program was started under the name capture-logs
    Environment overrides = {};    ///< variables set by the command line; win over the environment
    Machine machine = {};
    /// What is wrong with a Redis URL, empty when nothing is. Without it every text passes.
    std::function<std::string(std::string_view)> check_redis_url = {};
    /// The same for REDIS_TLS_CA_FILE; asked when a URL needs the file.
    std::function<std::string(const std::string&)> check_redis_ca_file = {};
};

/// One variable and what became of it, for `capture config`.
struct Resolved {
    std::string name;
    std::string value;   ///< never a secret: hidden, or a URL without its password
    bool present;        ///< false: unset, and there is no default
    std::string source;  ///< `default`, `environment`, `KAFKA_TOPIC (legacy)`, `command line`,
                         ///< `--dev`, `machine`, …
    Section section;
};

/// Something to log at start.
struct Notice {
    telemetry::Level level;
    std::string text;
};

struct Problem {
    std::string variable;
    std::string text;
    std::string line() const { return variable + ": " + text; }
};

struct Loaded {
    Settings settings;             ///< to be used only without problems
    std::vector<Resolved> values;  ///< what counts in this mode, in the order of the documentation
    std::vector<Notice> notices;
    std::vector<Problem> problems;
};

Loaded load(const Environment& environment, const LoadOptions& options);

/// A URL with `***` in place of user and password.
std::string redact_url(std::string_view url);

}  // namespace capture::config
