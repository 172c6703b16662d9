#include "sink/kafka/context.h"

namespace capture::sink::kafka {

void Context::log_failure(const char* what, std::string_view topic, std::string_view error) {
    auto const pass = brake_.pass(clock.steady());
    if (!pass) return;
    log.error("capture::sinks::kafka", what,
              {{"topic", topic}, {"error", error}, {"suppressed", pass->suppressed}});
}

}  // namespace capture::sink::kafka
