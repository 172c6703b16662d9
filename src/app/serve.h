// The service from start to stop. Contract 80 §4, §8.
#pragma once

#include "config/load.h"

namespace capture::app {

/// Serves until a signal, the pre-stop file or a failed component ends it; returns the exit status.
/// Configuration problems that only building the parts can show are reported on stderr, one line
/// each (exit 78).
int serve(const config::Loaded& configuration);

}  // namespace capture::app
