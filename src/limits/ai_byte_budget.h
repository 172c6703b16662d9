// A fleet-wide budget of bytes per second and token over the AI lane, on the engine of
// rate_limiter.h. Contract 30 §8.
#pragma once

#include <memory>

#include "limits/rate_limiter.h"

namespace capture::limits {

/// Added to the size of `data`: what the record costs around it.
inline constexpr std::uint64_t kAiRecordOverhead = 512;

/// Null when no budget is configured, or in `import`. `hash_key` as everywhere in the process.
std::unique_ptr<RateLimiter> make_ai_byte_budget(const config::AiSettings& ai,
                                                 const config::RateLimitSettings& engine,
                                                 config::Mode mode, const HashKey& hash_key,
                                                 const Probe& probe, telemetry::Logger& logger,
                                                 const base::Clock& clock);

}  // namespace capture::limits
