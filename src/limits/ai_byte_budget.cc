#include "limits/ai_byte_budget.h"

#include <algorithm>
#include <limits>

namespace capture::limits {
namespace {

std::uint64_t per_window(std::uint64_t per_second, std::uint64_t window) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    return per_second > kMost / window ? kMost : per_second * window;
}

}  // namespace

std::unique_ptr<RateLimiter> make_ai_byte_budget(const config::AiSettings& ai,
                                                 const config::RateLimitSettings& engine,
                                                 config::Mode mode, const HashKey& hash_key,
                                                 const Probe& probe, telemetry::Logger& logger,
                                                 const base::Clock& clock) {
    if (ai.byte_limit_per_second == 0 || mode == config::Mode::Import) return nullptr;
    config::RateLimitSettings settings = engine;
    settings.window_secs = std::max<std::uint64_t>(ai.byte_limit_window_secs, 1);
    settings.threshold = per_window(ai.byte_limit_per_second, settings.window_secs);
    settings.dry_run = ai.byte_limit_dry_run;
    settings.cache_max_entries = ai.byte_limit_cache_max_entries;
    settings.min_sync_floor = 0;
    RateLimiterOptions options = event_rate_options(settings, mode, logger);
    options.scope = std::string(config::to_text(mode)) + "_ai_bytes";
    options.redis_prefix = "@ph/grl/capture/ai_bytes";

    ThresholdList overrides =
        parse_thresholds_csv(ai.byte_limit_overrides_csv, "AI_BYTE_LIMIT_OVERRIDES_CSV", logger);
    for (auto& [token, limit] : overrides)
        limit = per_window(limit, settings.window_secs);
    return std::make_unique<RateLimiter>(std::move(options), overrides, hash_key, probe, logger,
                                         clock);
}

}  // namespace capture::limits
