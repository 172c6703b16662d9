#include "pipeline/sdk_bootstrap.h"

#include <algorithm>

namespace capture::pipeline {
namespace {

constexpr std::size_t kBodyCap = 1024 * 1024;
constexpr std::size_t kMaxToken = 64;

/// Both generations of the answer in one object: `flags` for version 2, `featureFlags` for older
/// SDKs.
constexpr std::string_view kNoFlags =
    R"({"flags":{},"featureFlags":{},"featureFlagPayloads":{},"errorsWhileComputingFlags":false,)"
    R"("quotaLimited":[],"supportedCompression":["gzip","gzip-js"]})";
constexpr std::string_view kNoDefinitions = R"({"flags":[],"group_type_mapping":{},"cohorts":{}})";

/// The token lands inside a script, so only what tokens are made of passes.
bool plain_token(std::string_view token) {
    return !token.empty() && token.size() <= kMaxToken && std::ranges::all_of(token, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    });
}

http::Response array_file(std::string_view path, bool recording) {
    constexpr std::string_view kPrefix = "/array/";
    path.remove_prefix(kPrefix.size());
    std::size_t const slash = path.find('/');
    if (slash == std::string_view::npos) return http::Response::empty(404);
    std::string_view const token = path.substr(0, slash);
    std::string_view const file = path.substr(slash + 1);
    if (!plain_token(token)) return http::Response::empty(404);
    std::string config = remote_config(token, recording);
    if (file == "config") return http::Response::json(200, std::move(config));
    if (file != "config.js") return http::Response::empty(404);
    std::string script =
        "(function(){var all=window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{};all['";
    script.append(token).append("']={config:").append(config).append(",siteApps:[]};})();");
    http::Response response = http::Response::text(200, std::move(script));
    response.content_type = "application/javascript";
    return response;
}

}  // namespace

std::string remote_config(std::string_view token, bool recording) {
    std::string json = R"({"token":")";
    json.append(token);
    json +=
        R"(","supportedCompression":["gzip","gzip-js"],"hasFeatureFlags":false,"captureDeadClicks":false,)"
        R"("capturePerformance":{"network_timing":true,"web_vitals":false},"autocapture_opt_out":false,)"
        R"("autocaptureExceptions":false,"analytics":{"endpoint":"/i/v0/e/"},"elementsChainAsString":true,)"
        R"("heatmaps":false,"surveys":false,"defaultIdentifiedOnly":true,"siteApps":[],"sessionRecording":)";
    json +=
        recording
            ? R"({"endpoint":"/s/","recorderVersion":"v2","consoleLogRecordingEnabled":true,)"
              R"("networkPayloadCapture":{"recordHeaders":false,"recordBody":false},"sampleRate":null,)"
              R"("linkedFlag":null,"minimumDurationMilliseconds":null})"
            : "false";
    json += '}';
    return json;
}

base::Task<http::Response> SdkBootstrap::serve(http::Request& request) {
    auto const body = co_await request.read_body(
        kBodyCap);  // flags requests carry one; its content does not matter
    if (!body) co_return http::Response::error(body.error());
    std::string_view const path = request.path();
    if (path.starts_with("/array/")) co_return array_file(path, recording_);
    if (path.starts_with("/flags/definitions"))
        co_return http::Response::json(200, std::string(kNoDefinitions));
    co_return http::Response::json(200, std::string(kNoFlags));
}

}  // namespace capture::pipeline
