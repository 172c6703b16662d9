// Latencies of one run: every one is kept, so a quantile is exact, not the border of a bucket.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace capture::bench {

class Latencies {
  public:
    void add(double seconds) { micros_.push_back(static_cast<float>(seconds * 1e6)); }

    /// The smallest value that at least the share `q` of all do not exceed, in µs.
    double quantile(double q) {
        if (micros_.empty()) return 0;
        auto const rank = static_cast<std::size_t>(q * static_cast<double>(micros_.size()));
        auto const at =
            micros_.begin() + static_cast<std::ptrdiff_t>(std::min(micros_.size() - 1, rank));
        std::nth_element(micros_.begin(), at, micros_.end());
        return static_cast<double>(*at);
    }

  private:
    std::vector<float> micros_;
};

}  // namespace capture::bench
