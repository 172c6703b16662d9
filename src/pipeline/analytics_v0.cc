#include "pipeline/analytics_v0.h"

#include <utility>

#include "pipeline/ai_lane.h"
#include "pipeline/analytics_v0_warnings.h"

namespace capture::pipeline {
namespace {

using model::Result;

constexpr std::string_view kTarget = "capture::v0";
constexpr std::string_view kOk = R"({"status":"Ok"})";

}  // namespace

struct AnalyticsV0::Waiting : Pending {
    Waiting(const Context& context, http::Request& r)
        : Pending(context, r), warnings(context.warnings, r.route()) {}

    AnalyticsV0Warnings warnings;
};

AnalyticsV0::AnalyticsV0(const Context& context, const decode::Probe& decode_probe,
                         const parse::Probe& parse_probe)
    : context_(context),
      intake_(context, decode_probe,
              {.wire_cap = kBodyCap, .decompressed_cap = kDecompressedCap, .log_target = kTarget}),
      processor_options_{.ai_lane_by_prefix = context.settings.ai.lane_by_prefix,
                         .reroute_historical = context.settings.historical.reroute,
                         .historical_threshold_days = context.settings.historical.threshold_days},
      parse_probe_(parse_probe),
      processor_(processor_options_, parse_probe, context.clock) {}

base::Task<http::Response> AnalyticsV0::serve(http::Request& request) {
    return intake_.serve(*this, request);
}

Result<void> AnalyticsV0::read(Work& work, Reader& reader) const {
    bool const engage = work.request.path().starts_with("/engage");
    auto batch = reader.read(work.body, engage, work.arena, &context_.budget);
    if (!batch) return std::unexpected(std::move(batch.error()));
    work.batch = std::move(*batch);
    return parse::analytics_v0::drop_performance_events(work.batch);
}

Result<std::string_view> AnalyticsV0::token_of(const model::EventBatch& batch) {
    return parse::analytics_v0::request_token(batch);
}

std::optional<http::Response> AnalyticsV0::accept(Work& work, Waiting& waiting) const {
    if (!work.done) return intake_.refuse(work, work.done.error(), Stage::Parsing);
    if (work.batch.events.empty())
        return http::Response::json(200, std::string(kOk));  // only $performance_event

    auto& entry = waiting.entry.emplace(context_.ledger, work.batch.events.size());
    intake_.accept(work);
    Intake::set_sent_at(work, work.batch.sent_at);
    waiting.warnings.begin(work.token, work.batch);
    if (!intake_.apply_quotas(work, entry)) return http::Response::json(200, std::string(kOk));

    if (context_.settings.mode == config::Mode::Import && !work.batch.historical_migration) {
        context_.log.warn(kTarget, "Dropped a batch that is not historical",
                          {{"token", work.token}, {"count", entry.open()}});
        context_.probe.dropped(model::DropReason::NonHistoricalImport, entry.open());
        entry.drop_rest(model::DropReason::NonHistoricalImport);
        return Intake::success(work.query.beacon);
    }
    return std::nullopt;
}

AnalyticsV0::Processor AnalyticsV0::processor() const {
    return {processor_options_, parse_probe_, context_.clock};
}

Result<void> AnalyticsV0::build(Work& work, Processor& processor) const {
    return processor.process(work.batch, work.facts, work.arena, work.events);
}

std::optional<http::Response> AnalyticsV0::limit(Work& work, Waiting& waiting) const {
    auto& entry = *waiting.entry;
    std::size_t const before = work.batch.events.size();
    if (work.done && work.events.size() > before)
        entry.add(work.events.size() - before);  // heatmap split
    if (work.done) work.done = check_ai_lane(context_.settings, work.events);
    if (!work.done) {
        waiting.warnings.refused(work.done.error(), work.batch, work.arena);
        return intake_.reject(work, entry, work.done.error());
    }

    auto const admission = intake_.limits(work).admit(work.events, work.arena, model::data_size);
    waiting.warnings.limited(admission);
    for (std::size_t i = 0; i < admission.dropped.size(); ++i) {
        if (admission.dropped[i] == 0) continue;
        auto const reason = static_cast<model::DropReason>(i);
        context_.probe.dropped(reason, admission.dropped[i]);
        entry.drop(reason, admission.dropped[i]);
    }
    if (work.events.empty()) return Intake::success(work.query.beacon);

    waiting.warnings.before_publish(work.events);
    return std::nullopt;
}

}  // namespace capture::pipeline
