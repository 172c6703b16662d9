// A refused request: its metrics, its line in the log and its answer. Contract 10 §13-15, 40 §16.
#pragma once

#include <string_view>

#include "http/message.h"
#include "model/body.h"
#include "model/error.h"
#include "pipeline/context.h"

namespace capture::pipeline {

/// What is said of it.
struct Refused {
    const http::Request& request;
    model::Compression compression;
    std::size_t batch_size;
    std::string_view token;
};

/// One per surface and worker.
class Refusals {
  public:
    /// `log_target`: static text.
    Refusals(const Context& context, std::string_view log_target)
        : context_(context), log_target_(log_target) {}

    http::Response refuse(const Refused& refused, const model::Error& error, Stage stage) const;
    /// Whether there would be a line in the log.
    bool logged(const http::Request& request) const;

  private:
    telemetry::Level level(const http::Request& request) const;
    void log(const Refused& refused, const model::Error& error) const;

    const Context& context_;
    const std::string_view log_target_;
};

}  // namespace capture::pipeline
