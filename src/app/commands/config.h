// `capture config`: every variable that counts, its value and where it comes from; secrets hidden.
// Contract 80 §3.8.
#pragma once

#include <string>

#include "config/load.h"

namespace capture::app {

struct ConfigOptions {
    bool json = false;
    bool changed = false;  ///< leave out what has its default
};

/// The text for stdout. Problems and notices are not part of it.
std::string config_text(const config::Loaded& loaded, const ConfigOptions& options);

/// Prints it, notices and problems on stderr; 0, or 78 with problems.
int run_config(const config::Loaded& loaded, const ConfigOptions& options);

/// One line per problem on stderr.
void print_problems(const config::Loaded& loaded);

}  // namespace capture::app
