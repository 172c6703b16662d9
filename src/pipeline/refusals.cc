#include "pipeline/refusals.h"

namespace capture::pipeline {
namespace {

using model::Code;

std::string_view to_text(model::Compression compression) {
    switch (compression) {
        case model::Compression::Gzip:
            return "gzip";
        case model::Compression::LzString:
            return "lz64";
        case model::Compression::None:
            break;
    }
    return "none";
}

}  // namespace

http::Response Refusals::refuse(const Refused& refused, const model::Error& error,
                                Stage stage) const {
    if (error.code == Code::BadQuery) return http::Response::error(error);
    context_.probe.error(error.code, stage);
    // A payload over the decompressed cap drops one event; the wire cap (no body was decoded) does
    // not.
    if (error.code == Code::OversizeEvent && stage == Stage::Parsing &&
        !error.detail.starts_with("Request body")) {
        context_.probe.dropped_too_big.add();
    }
    if (logged(refused.request)) log(refused, error);
    return http::Response::error(error);
}

telemetry::Level Refusals::level(const http::Request& request) const {
    return request.has_header("x-capture-debug") ? telemetry::Level::Info : telemetry::Level::Debug;
}

bool Refusals::logged(const http::Request& request) const {
    return context_.log.enabled(level(request), log_target_);
}

void Refusals::log(const Refused& refused, const model::Error& error) const {
    http::Request const& request = refused.request;
    context_.log.log(level(request), log_target_, "Request refused",
                     {{"path", request.route()},
                      {"method", request.method_text()},
                      {"user_agent", request.header("user-agent")},
                      {"content_type", request.header("content-type")},
                      {"content_encoding", request.header("content-encoding")},
                      {"request_id", request.header("x-request-id")},
                      {"compression", to_text(refused.compression)},
                      {"error_tag", model::info(error.code).tag},
                      {"reason", error.detail},
                      {"batch_size", refused.batch_size},
                      {"token", refused.token}});
}

}  // namespace capture::pipeline
