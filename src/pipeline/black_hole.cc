#include "pipeline/black_hole.h"

#include <utility>

#include "pipeline/analytics_v0.h"

namespace capture::pipeline {
namespace {

using model::Code;

bool has_distinct_id(const model::ParsedEvent& event) {
    std::string_view const id =
        event.distinct_id.empty() ? event.facts.distinct_id : event.distinct_id;
    return !id.empty() && id != R"("")";
}

}  // namespace

BlackHole::BlackHole(const Context& context, const decode::Probe& decode_probe)
    : context_(context), gate_(AnalyticsV0::kDecompressedCap, decode_probe, context.log) {}

base::Task<http::Response> BlackHole::serve(http::Request& request) {
    context_.probe.black_hole_seen.add();
    auto wire = co_await request.read_body(AnalyticsV0::kBodyCap);
    if (!wire) {
        context_.probe.black_hole_failed(wire.error().code);
        if (wire.error().code != Code::OversizeEvent) co_return http::Response::error(wire.error());
        co_return http::Response::text(413,
                                       "Failed to buffer the request body: length limit exceeded");
    }
    model::Result<void> checked;
    if (wire->size() < Arrival::kLargeWire) {
        checked = check(request, std::move(*wire), reader_);
    } else {
        checked = co_await context_.pool.run([this, &request, &wire] {
            parse::analytics_v0::Reader reader;
            return check(request, std::move(*wire), reader);
        });
    }
    if (!checked) {
        context_.probe.black_hole_failed(checked.error().code);
        co_return http::Response::error(checked.error());
    }
    co_return http::Response::json(200, R"({"status":"Ok"})");
}

model::Result<void> BlackHole::check(http::Request& request, base::Buffer wire,
                                     parse::analytics_v0::Reader& reader) const {
    // A query that does not parse is no reason to refuse here.
    decode::Query const query = decode::read_query(request.query()).value_or(decode::Query{});
    auto body = gate_.open_black_hole({.body = std::move(wire),
                                       .query = query,
                                       .content_type = request.header("content-type"),
                                       .content_encoding = request.header("content-encoding")},
                                      &context_.budget);
    if (!body) return std::unexpected(std::move(body.error()));
    base::Arena arena;
    auto batch = reader.read(*body, true, arena, &context_.budget);
    if (!batch) {
        if (batch.error().code == Code::ServiceUnavailable)
            return std::unexpected(std::move(batch.error()));
        return {};
    }
    if (batch->events.empty()) return model::fail(Code::EmptyBatch);
    if (auto token = parse::analytics_v0::request_token(*batch); !token)
        return std::unexpected(token.error());
    for (const model::ParsedEvent& event : batch->events) {
        if (!has_distinct_id(event)) return model::fail(Code::NoDistinctId);
    }
    return {};
}

}  // namespace capture::pipeline
