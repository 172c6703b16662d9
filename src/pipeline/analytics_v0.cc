#include "pipeline/analytics_v0.h"

#include <utility>

#include "pipeline/ai_lane.h"
#include "pipeline/analytics_v0_warnings.h"

namespace capture::pipeline {
namespace {

using model::Code;
using model::Result;
using parse::analytics_v0::Processor;
using parse::analytics_v0::Reader;

constexpr std::string_view kTarget = "capture::v0";
constexpr std::string_view kOk = R"({"status":"Ok"})";

}  // namespace

struct AnalyticsV0::Work : Arrival {
    Work(http::Request& r, Warnings& w) : Arrival(r), warnings(w, r.route(), arena) {}

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
    Work work(request, context_.warnings);
    auto const read_text = [this](Arrival& arrival, Reader& reader) {
        return read(arrival, reader);
    };
    auto received =
        co_await intake_.receive(work, reader_, read_text, parse::analytics_v0::request_token);
    if (!received) co_return intake_.refuse(work, received.error(), Stage::Parsing);
    if (work.batch.events.empty())
        co_return http::Response::json(200, std::string(kOk));  // only $performance_event
    co_return co_await ingest(work);
}

Result<void> AnalyticsV0::read(Arrival& work, Reader& reader) const {
    bool const engage = work.request.path().starts_with("/engage");
    auto batch = reader.read(work.body, engage, work.arena, &context_.budget);
    if (!batch) return std::unexpected(std::move(batch.error()));
    work.batch = std::move(*batch);
    return parse::analytics_v0::drop_performance_events(work.batch);
}

base::Task<http::Response> AnalyticsV0::ingest(Work& work) {
    Ledger::Entry entry(context_.ledger, work.batch.events.size());
    intake_.accept(work);
    Intake::set_sent_at(work, work.batch.sent_at);
    work.warnings.begin(work.token, work.batch);
    if (!intake_.apply_quotas(work, entry)) co_return http::Response::json(200, std::string(kOk));

    if (context_.settings.mode == config::Mode::Import && !work.batch.historical_migration) {
        context_.log.warn(kTarget, "Dropped a batch that is not historical",
                          {{"token", work.token}, {"count", entry.open()}});
        context_.probe.dropped(model::DropReason::NonHistoricalImport, entry.open());
        entry.drop_rest(model::DropReason::NonHistoricalImport);
        co_return Intake::success(work);
    }

    auto const build_elsewhere = [this, &work] {
        Processor processor(processor_options_, parse_probe_, context_.clock);
        return processor.process(work.batch, work.facts, work.arena, work.events);
    };
    std::size_t const before = work.batch.events.size();
    Result<void> built;
    if (work.large())
        built = co_await context_.pool.run(build_elsewhere);
    else
        built = processor_.process(work.batch, work.facts, work.arena, work.events);
    if (built && work.events.size() > before)
        entry.add(work.events.size() - before);  // heatmap split
    if (built) built = check_ai_lane(context_.settings, work.events);
    if (!built) {
        work.warnings.refused(built.error(), work.batch);
        co_return intake_.reject(work, entry, built.error());
    }

    apply_limits(work, entry);
    if (work.events.empty()) co_return Intake::success(work);

    work.warnings.before_publish(work.events);
    auto const published = co_await intake_.publish(work);
    work.warnings.published(published);
    if (!published) co_return intake_.undelivered(work, entry, published.error());
    entry.deliver_rest();
    co_return Intake::success(work);
}

void AnalyticsV0::apply_limits(Work& work, Ledger::Entry& entry) {
    auto limits = context_.limits.request(work.token, work.facts.now);
    auto const admission = limits.admit(work.events, work.arena, model::data_size);
    work.warnings.limited(admission);
    for (std::size_t i = 0; i < admission.dropped.size(); ++i) {
        if (admission.dropped[i] == 0) continue;
        auto const reason = static_cast<model::DropReason>(i);
        context_.probe.dropped(reason, admission.dropped[i]);
        entry.drop(reason, admission.dropped[i]);
    }
}

}  // namespace capture::pipeline
