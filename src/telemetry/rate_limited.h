// A brake for log lines that one client or one outage could cause without end: at most `lines` per
// `interval`, and the next line that passes says how many were held back. Any thread.
//
//   if (auto pass = stalled_.pass(clock.steady())) log.warn(…, {{"suppressed", pass->suppressed}});
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace capture::telemetry {

class RateLimited {
  public:
    struct Pass {
        std::uint64_t suppressed;  ///< since the last pass
    };
    using Time = std::chrono::steady_clock::time_point;

    RateLimited(std::uint32_t lines, std::chrono::milliseconds interval)
        : lines_(lines), interval_(interval) {}

    std::optional<Pass> pass(Time now) {
        std::lock_guard lock(mutex_);
        if (!began_ || now - *began_ >= interval_) {
            began_ = now;
            used_ = 0;
        }
        if (used_ >= lines_) {
            ++suppressed_;
            return std::nullopt;
        }
        ++used_;
        Pass const result{suppressed_};
        suppressed_ = 0;
        return result;
    }

  private:
    const std::uint32_t lines_;
    const std::chrono::milliseconds interval_;
    std::mutex mutex_;
    std::optional<Time> began_;
    std::uint32_t used_ = 0;
    std::uint64_t suppressed_ = 0;
};

}  // namespace capture::telemetry
