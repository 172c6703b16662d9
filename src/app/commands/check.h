// `capture check`: would the service start, and can it reach what it needs? Validates the
// configuration and tries every Kafka producer's brokers and every Redis, and says all that is
// wrong at once.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace capture::app {

/// One thing that was looked at.
struct Finding {
    std::string subject;  ///< the variable that decides it
    std::string text;     ///< what is wrong, or what was found
    bool ok = false;
};

/// Looks at the file of the embedded store without creating it.
Finding check_store(const std::string& path);
/// Asks the brokers of every producer in use for metadata; at most 10 s in all.
std::vector<Finding> check_kafka(const config::Settings& settings);
/// The same for the producer of ingestion warnings; nothing when it would not be made.
std::vector<Finding> check_warnings(const config::Settings& settings);
/// Connects (TLS and password included) and says PING; each URL once.
std::vector<Finding> check_redis(const config::Settings& settings);

/// 0, 1 when something cannot be reached, 78 when the configuration has problems.
int run_check(const config::Loaded& loaded);

}  // namespace capture::app
