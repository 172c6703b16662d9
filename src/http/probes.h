// The service endpoints: `/`, `/_readiness`, `/_liveness`, `/metrics`. Contract 80 §6.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "http/message.h"
#include "http/router.h"

namespace capture::http {

/// One object per worker; what it refers to is the process's.
class Probes {
  public:
    struct Options {
        /// Set when shutdown begins: readiness turns 503.
        const std::atomic<bool>& shutting_down;
        /// The exposition text; without it /metrics does not exist. Called on the worker.
        std::function<std::string()> metrics;
    };
    explicit Probes(Options options);
    ~Probes();

    void register_at(Router& router);

  private:
    struct Index;
    struct Readiness;
    struct Liveness;
    struct Metrics;
    std::unique_ptr<Index> index_;
    std::unique_ptr<Readiness> readiness_;
    std::unique_ptr<Liveness> liveness_;
    std::unique_ptr<Metrics> metrics_;
};

}  // namespace capture::http
