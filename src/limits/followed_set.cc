#include "limits/followed_set.h"

#include <algorithm>

namespace capture::limits {

FollowedSet::FollowedSet(std::string key, const Probe& probe, telemetry::Logger& logger,
                         const base::Clock& clock, Changed changed)
    : key_(std::move(key)),
      logger_(logger),
      clock_(clock),
      changed_(std::move(changed)),
      loaded_(probe.loaded_tokens.with({key_})),
      age_(key_, probe, clock) {}

base::Task<void> FollowedSet::refresh(redis::Store& store) {
    auto members = co_await redis::members_from(store, key_, clock_.now().seconds);
    if (!members) {
        age_.failed();
        // One line when it begins, not one every five seconds.
        if (!std::exchange(failing_, true)) {
            logger_.warn("capture::limits", "Could not refresh a set, the last one stays in force",
                         {{"cache_key", key_}, {"cause", members.error().message}});
        }
        co_return;
    }
    if (std::exchange(failing_, false))
        logger_.info("capture::limits", "Set refreshed again", {{"cache_key", key_}});
    age_.refreshed();
    loaded_.set(static_cast<double>(members->size()));
    std::ranges::sort(*members);
    if (members_ == *members) co_return;
    members_ = std::move(*members);
    changed_(*members_);
}

}  // namespace capture::limits
