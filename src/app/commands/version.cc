#include "app/commands/version.h"

#include "app/build_info.h"

namespace capture::app {

std::string version_text() {
    std::string out = "capture " CAPTURE_VERSION "\n";
    out += "commit    " CAPTURE_COMMIT "\n";
    out += "compiler  " CAPTURE_COMPILER ", " CAPTURE_BUILD_TYPE ", " CAPTURE_TARGET "\n";
    out += "libraries " CAPTURE_LIBRARIES "\n";
    return out;
}

}  // namespace capture::app
