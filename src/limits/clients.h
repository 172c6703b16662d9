// The Redis connections of one process, made from the resolved roles. Contract 30 §2, decisions 3,
// 32, 39.
//
// Roles that resolve to the same place with the same timeouts share one connection; a dedicated
// rate-limit Redis gets one connection per limiter.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "config/settings.h"
#include "limits/probe.h"
#include "limits/redis/client.h"
#include "telemetry/log.h"

namespace capture::limits {

/// Every malformed URL with the variable it most likely came from; empty when all is well.
std::vector<std::string> check_urls(const config::RedisSettings& settings);

/// Housekeeping thread.
class RedisClients {
  public:
    /// `ca_file`: what every TLS connection trusts; empty = the system's authorities.
    RedisClients(base::IoContext& context, std::string ca_file, const Probe& probe,
                 telemetry::Logger& logger, const base::Clock& clock)
        : context_(context),
          ca_file_(std::move(ca_file)),
          probe_(probe),
          logger_(logger),
          clock_(clock) {}

    /// The store for an endpoint; null when the role is off. `role` names a connection that is new.
    /// With `dedicated` it is never shared.
    std::shared_ptr<redis::Store> open(const std::string& role,
                                       const config::RedisEndpoint& endpoint,
                                       bool dedicated = false);
    void close();

  private:
    std::shared_ptr<redis::Client> connect(const std::string& role, const std::string& url,
                                           const config::RedisEndpoint& endpoint, bool dedicated);
    struct Open {
        std::string url;
        std::uint64_t response_timeout_ms;
        std::uint64_t connection_timeout_ms;
        std::shared_ptr<redis::Client> client;
    };

    base::IoContext& context_;
    const std::string ca_file_;
    const Probe& probe_;
    telemetry::Logger& logger_;
    const base::Clock& clock_;
    std::vector<Open> open_;
};

}  // namespace capture::limits
