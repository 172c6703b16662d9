// What the tests of load() share: an environment that starts, and what loading it says.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load.h"

namespace capture::config {

/// The smallest environment that starts.
inline Environment working(Environment more = {}) {
    more.try_emplace("REDIS_URL", "redis://localhost");
    more.try_emplace("KAFKA_INGESTION_PRODUCER_METADATA_BROKER_LIST", "kafka:9092");
    return more;
}

inline std::string only_redis_scheme(std::string_view url) {
    return url.starts_with("redis://") ? "" : "unknown scheme";
}

inline Loaded load_working(Environment more = {}, bool dev = false) {
    return load(working(std::move(more)), {.dev = dev,
                                           .machine = {.cores = 3, .memory_mib = 4096},
                                           .check_redis_url = only_redis_scheme});
}

inline std::vector<std::string> problems(const Loaded& loaded) {
    std::vector<std::string> lines;
    for (auto const& p : loaded.problems)
        lines.push_back(p.line());
    return lines;
}

inline std::vector<std::string> notices(const Loaded& loaded, telemetry::Level level) {
    std::vector<std::string> lines;
    for (auto const& n : loaded.notices) {
        if (n.level == level) lines.push_back(n.text);
    }
    return lines;
}

inline const Resolved& value(const Loaded& loaded, std::string_view name) {
    auto const at = std::ranges::find(loaded.values, name, &Resolved::name);
    EXPECT_NE(at, loaded.values.end()) << name;
    return *at;
}

}  // namespace capture::config
