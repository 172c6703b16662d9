// `capture --version`: what was built, from what, with what.
#pragma once

#include <string>

namespace capture::app {

std::string version_text();

}  // namespace capture::app
