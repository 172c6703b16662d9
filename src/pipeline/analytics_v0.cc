#include "pipeline/analytics_v0.h"

#include <algorithm>
#include <utility>

namespace capture::pipeline {
namespace {

using model::Code;
using model::Result;
using parse::analytics_v0::Processor;
using parse::analytics_v0::Reader;

constexpr std::string_view kTarget = "capture::v0";
constexpr std::string_view kOk = R"({"status":"Ok"})";

}  // namespace

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
    Arrival work(request);
    auto const read_text = [this](Arrival& arrival, Reader& reader) {
        return read(arrival, reader);
    };
    if (auto received = co_await intake_.receive(work, reader_, read_text); !received) {
        co_return intake_.refuse(work, received.error(), Stage::Parsing);
    }
    if (work.batch.events.empty())
        co_return http::Response::json(200, std::string(kOk));  // only $performance_event
    auto authorised =
        co_await intake_.authorise(work, parse::analytics_v0::request_token(work.batch));
    if (!authorised) co_return intake_.refuse(work, authorised.error(), Stage::Parsing);
    co_return co_await ingest(work);
}

Result<void> AnalyticsV0::read(Arrival& work, Reader& reader) const {
    bool const engage = work.request.path().starts_with("/engage");
    auto batch = reader.read(work.body, engage, work.arena, &context_.budget);
    if (!batch) return std::unexpected(std::move(batch.error()));
    work.batch = std::move(*batch);
    return parse::analytics_v0::drop_performance_events(work.batch);
}

base::Task<http::Response> AnalyticsV0::ingest(Arrival& work) {
    Ledger::Entry entry(context_.ledger, work.batch.events.size());
    intake_.accept(work);
    Intake::set_sent_at(work, work.batch.sent_at);
    if (!intake_.apply_quotas(work, entry)) co_return http::Response::json(200, std::string(kOk));

    if (context_.settings.mode == config::Mode::Import && !work.batch.historical_migration) {
        context_.log.warn(kTarget, "Dropped a batch that is not historical",
                          {{"token", work.token}, {"count", entry.open()}});
        context_.probe.dropped(model::DropReason::NonHistoricalImport, entry.open());
        entry.drop_rest(model::DropReason::NonHistoricalImport);
        co_return Intake::success(work);
    }

    auto built = co_await build_events(work, entry);
    if (built) built = check_ai(work);
    if (!built) co_return intake_.reject(work, entry, built.error());

    apply_limits(work, entry);
    if (work.events.empty()) co_return Intake::success(work);

    if (auto published = co_await intake_.publish(work); !published) {
        co_return intake_.undelivered(work, entry, published.error());
    }
    entry.deliver_rest();
    co_return Intake::success(work);
}

base::Task<Result<void>> AnalyticsV0::build_events(Arrival& work, Ledger::Entry& entry) {
    std::size_t const before = work.batch.events.size();
    Result<void> built;
    if (!work.large()) {
        built = processor_.process(work.batch, work.facts, work.arena, work.events);
    } else {
        built = co_await context_.pool.run([this, &work] {
            Processor processor(processor_options_, parse_probe_, context_.clock);
            return processor.process(work.batch, work.facts, work.arena, work.events);
        });
    }
    if (built && work.events.size() > before)
        entry.add(work.events.size() - before);  // heatmap split
    co_return built;
}

Result<void> AnalyticsV0::check_ai(const Arrival& work) const {
    auto const is_ai = [](const model::Event& event) { return event.kind == model::EventKind::Ai; };
    if (context_.settings.mode == config::Mode::Ai) {
        auto const other = std::ranges::find_if_not(work.events, is_ai);
        if (other != work.events.end()) {
            return model::fail(Code::NonAiEventOnAiLane, std::string(other->name));
        }
    }
    std::uint64_t const ceiling = context_.settings.ai.max_event_bytes;
    for (const model::Event& event : work.events) {
        if (ceiling == 0 || !is_ai(event)) continue;
        std::size_t const bytes = model::data_size(event.data);
        if (bytes <= ceiling) continue;
        char uuid[base::Uuid::kTextSize];
        event.uuid.format(uuid);
        return model::fail(Code::AiEventTooBig, "AI event " + std::string(event.name) + " (uuid " +
                                                    std::string(uuid, sizeof(uuid)) + ") is " +
                                                    std::to_string(bytes) + " bytes, over the " +
                                                    std::to_string(ceiling) + "-byte limit");
    }
    return {};
}

void AnalyticsV0::apply_limits(Arrival& work, Ledger::Entry& entry) {
    auto limits = context_.limits.request(work.token, work.facts.now);
    auto const admission = limits.admit(work.events, work.arena, model::data_size);
    for (std::size_t i = 0; i < admission.dropped.size(); ++i) {
        if (admission.dropped[i] == 0) continue;
        auto const reason = static_cast<model::DropReason>(i);
        context_.probe.dropped(reason, admission.dropped[i]);
        entry.drop(reason, admission.dropped[i]);
    }
}

}  // namespace capture::pipeline
