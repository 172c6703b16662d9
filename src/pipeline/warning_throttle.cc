#include "pipeline/warning_throttle.h"

namespace capture::pipeline {

WarningThrottle::Verdict WarningThrottle::check(std::string_view token, std::string_view type) {
    std::uint64_t const pair = limits::hash_pair(limits::hash_text(token, key_), type, key_);
    Time const now = clock_.steady();
    std::lock_guard lock(mutex_);
    if (auto const found = next_.find(pair); found != next_.end()) {
        if (now < found->second) return Verdict::Throttled;
        found->second = now + kInterval;
        return Verdict::Emit;
    }
    if (next_.size() >= max_keys_) return Verdict::CardinalityCapped;
    next_.emplace(pair, now + kInterval);
    return Verdict::Emit;
}

void WarningThrottle::sweep() {
    Time const now = clock_.steady();
    std::lock_guard lock(mutex_);
    absl::erase_if(next_, [&](auto const& entry) { return entry.second <= now; });
}

std::size_t WarningThrottle::size() const {
    std::lock_guard lock(mutex_);
    return next_.size();
}

}  // namespace capture::pipeline
