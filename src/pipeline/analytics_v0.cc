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
    return intake_.serve<Waiting>(request, [this](Waiting& waiting) { return prepare(waiting); });
}

base::Task<std::optional<http::Response>> AnalyticsV0::prepare(Waiting& waiting) {
    Arrival arrival(waiting.request);
    auto const read_text = [this](Arrival& a, Reader& reader) { return read(a, reader); };
    auto received =
        co_await intake_.receive(arrival, reader_, read_text, parse::analytics_v0::request_token);
    if (!received) co_return intake_.refuse(arrival, received.error(), Stage::Parsing);
    if (arrival.batch.events.empty())
        co_return http::Response::json(200, std::string(kOk));  // only $performance_event

    auto& entry = waiting.entry.emplace(context_.ledger, arrival.batch.events.size());
    intake_.accept(arrival);
    Intake::set_sent_at(arrival, arrival.batch.sent_at);
    waiting.warnings.begin(arrival.token, arrival.batch);
    if (!intake_.apply_quotas(arrival, entry))
        co_return http::Response::json(200, std::string(kOk));

    if (context_.settings.mode == config::Mode::Import && !arrival.batch.historical_migration) {
        context_.log.warn(kTarget, "Dropped a batch that is not historical",
                          {{"token", arrival.token}, {"count", entry.open()}});
        context_.probe.dropped(model::DropReason::NonHistoricalImport, entry.open());
        entry.drop_rest(model::DropReason::NonHistoricalImport);
        co_return Intake::success(arrival.query.beacon);
    }

    auto const build_elsewhere = [this, &arrival] {
        Processor processor(processor_options_, parse_probe_, context_.clock);
        return processor.process(arrival.batch, arrival.facts, arrival.arena, arrival.events);
    };
    std::size_t const before = arrival.batch.events.size();
    Result<void> built;
    if (arrival.large())
        built = co_await context_.pool.run(build_elsewhere);
    else
        built = processor_.process(arrival.batch, arrival.facts, arrival.arena, arrival.events);
    if (built && arrival.events.size() > before)
        entry.add(arrival.events.size() - before);  // heatmap split
    if (built) built = check_ai_lane(context_.settings, arrival.events);
    if (!built) {
        waiting.warnings.refused(built.error(), arrival.batch, arrival.arena);
        co_return intake_.reject(arrival, entry, built.error());
    }

    apply_limits(arrival, waiting);
    if (arrival.events.empty()) co_return Intake::success(arrival.query.beacon);

    waiting.warnings.before_publish(arrival.events);
    Result<void> written;
    if (arrival.large())
        written = co_await intake_.write_on_pool(arrival, waiting);
    else
        written = intake_.write(arrival, waiting);
    if (!written) co_return intake_.unwritten(arrival, entry, written.error());
    co_return std::nullopt;
}

Result<void> AnalyticsV0::read(Arrival& arrival, Reader& reader) const {
    bool const engage = arrival.request.path().starts_with("/engage");
    auto batch = reader.read(arrival.body, engage, arrival.arena, &context_.budget);
    if (!batch) return std::unexpected(std::move(batch.error()));
    arrival.batch = std::move(*batch);
    return parse::analytics_v0::drop_performance_events(arrival.batch);
}

void AnalyticsV0::apply_limits(Arrival& arrival, Waiting& waiting) {
    auto limits = context_.limits.request(arrival.token, arrival.facts.now);
    auto const admission = limits.admit(arrival.events, arrival.arena, model::data_size);
    waiting.warnings.limited(admission);
    for (std::size_t i = 0; i < admission.dropped.size(); ++i) {
        if (admission.dropped[i] == 0) continue;
        auto const reason = static_cast<model::DropReason>(i);
        context_.probe.dropped(reason, admission.dropped[i]);
        waiting.entry->drop(reason, admission.dropped[i]);
    }
}

}  // namespace capture::pipeline
