// What SDKs ask the same host for before they send: remote config and feature flags. Not part of
// the service; only `capture --dev` answers, with the minimum that makes current SDKs behave as in
// production (gzip on, events to /i/v0/e/, no flags). Contract 00, decision 30.
#pragma once

#include "http/message.h"

namespace capture::pipeline {

class SdkBootstrap final : public http::Handler {
  public:
    /// `recording`: whether this process also serves /s, so that the browser SDK may record
    /// sessions.
    explicit SdkBootstrap(bool recording) : recording_(recording) {}

    /// /array/<token>/config, /array/<token>/config.js, /flags, /flags/definitions, /decide; 404
    /// for anything else.
    base::Task<http::Response> serve(http::Request& request) override;

  private:
    bool recording_;
};

/// The remote configuration of a project, as JSON.
std::string remote_config(std::string_view token, bool recording);

}  // namespace capture::pipeline
