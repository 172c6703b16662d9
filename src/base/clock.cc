#include "base/clock.h"

namespace capture::base {

Instant SystemClock::now() const {
    auto const since = std::chrono::system_clock::now().time_since_epoch();
    auto const seconds = std::chrono::floor<std::chrono::seconds>(since);
    auto const nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(since - seconds);
    return {seconds.count(), static_cast<std::uint32_t>(nanos.count())};
}

std::chrono::steady_clock::time_point SystemClock::steady() const {
    return std::chrono::steady_clock::now();
}

}  // namespace capture::base
