#include "pipeline/analytics_v0.h"

#include <algorithm>
#include <utility>

#include "decode/query.h"
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

/// Milliseconds of 2021-01-01 and of the end of year 9999: what `_` and `sent_at` may say (contract
/// 10 §5.3).
constexpr std::int64_t kMinSentAt = 1'609'459'200'000;
constexpr std::int64_t kMaxSentAt = 253'402'300'799'999;

bool is_old_path(std::string_view path) {
    return path == "/e" || path == "/e/" || path.starts_with("/capture") ||
           path.starts_with("/engage") || path.starts_with("/track");
}

}  // namespace

struct AnalyticsV0::Work {
    Work(http::Request& r, Warnings& w) : request(r), warnings(w, r.route(), arena) {}

    http::Request& request;
    decode::Query query;
    base::Buffer wire;
    model::DecodedBody body;
    base::Arena arena;
    model::EventBatch batch;
    std::string_view token;
    model::RequestFacts facts;
    std::vector<model::Event> events;
    AnalyticsV0Warnings warnings;

    bool large() const { return body.text.size() >= kLargeText; }
};

AnalyticsV0::AnalyticsV0(const Context& context, const decode::Probe& decode_probe,
                         const parse::Probe& parse_probe)
    : context_(context),
      gate_(kDecompressedCap, decode_probe, context.log),
      processor_options_{.ai_lane_by_prefix = context.settings.ai.lane_by_prefix,
                         .reroute_historical = context.settings.historical.reroute,
                         .historical_threshold_days = context.settings.historical.threshold_days},
      parse_probe_(parse_probe),
      processor_(processor_options_, parse_probe, context.clock),
      publisher_(context) {}

base::Task<http::Response> AnalyticsV0::serve(http::Request& request) {
    Work work(request, context_.warnings);
    if (auto received = co_await receive(work); !received) {
        co_return refuse(work, received.error(), Stage::Parsing);
    }
    if (work.batch.events.empty())
        co_return http::Response::json(200, std::string(kOk));  // only $performance_event
    if (auto authorised = co_await authorise(work); !authorised) {
        co_return refuse(work, authorised.error(), Stage::Parsing);
    }
    co_return co_await ingest(work);
}

base::Task<Result<void>> AnalyticsV0::receive(Work& work) {
    http::Request& request = work.request;
    auto query = decode::read_query(request.query());
    if (!query) co_return std::unexpected(std::move(query.error()));
    work.query = std::move(*query);

    auto wire = co_await request.read_body(kBodyCap);
    if (!wire) co_return std::unexpected(std::move(wire.error()));
    work.wire = std::move(*wire);

    if (work.wire.size() < kLargeWire && work.query.data.size() < kLargeWire) {
        co_return decode_and_parse(work, reader_);
    }
    co_return co_await context_.pool.run([this, &work] {
        Reader reader;
        return decode_and_parse(work, reader);
    });
}

Result<void> AnalyticsV0::decode_and_parse(Work& work, Reader& reader) const {
    http::Request const& request = work.request;
    auto body = gate_.open({.body = std::move(work.wire),
                            .query = work.query,
                            .content_type = request.header("content-type"),
                            .content_encoding = request.header("content-encoding"),
                            .old_path = is_old_path(request.path())},
                           &context_.budget);
    if (!body) return std::unexpected(std::move(body.error()));
    work.body = std::move(*body);

    bool const engage = request.path().starts_with("/engage");
    auto batch = reader.read(work.body, engage, work.arena, &context_.budget);
    if (!batch) return std::unexpected(std::move(batch.error()));
    work.batch = std::move(*batch);
    return parse::analytics_v0::drop_performance_events(work.batch);
}

base::Task<Result<void>> AnalyticsV0::authorise(Work& work) {
    auto token = parse::analytics_v0::request_token(work.batch);
    if (!token) co_return std::unexpected(std::move(token.error()));
    work.token = work.arena.copy(*token);  // the body goes before the answer is known

    auto refused = context_.limits.token_refused_now(work.token);
    if (!refused) refused = co_await context_.limits.token_refused(work.token);
    if (*refused) co_return model::fail(Code::UnknownToken);
    co_return Result<void>{};
}

base::Task<http::Response> AnalyticsV0::ingest(Work& work) {
    std::size_t const received = work.batch.events.size();
    context_.probe.received.add(static_cast<double>(received));
    Ledger::Entry entry(context_.ledger, received);

    auto const& query_sent_at = work.query.sent_at_millis;
    work.facts = {.token = work.token,
                  .ip = work.request.client_ip(),
                  .now = context_.clock.now(),
                  .sent_at = work.batch.sent_at};
    if (!work.facts.sent_at && query_sent_at && *query_sent_at >= kMinSentAt &&
        *query_sent_at <= kMaxSentAt) {
        work.facts.sent_at = model::SentAt{base::Instant::from_millis(*query_sent_at), 0};
    }
    work.warnings.begin(work.token, work.batch);
    http::Response const success = work.query.beacon ? http::Response::empty(204)
                                                     : http::Response::json(200, std::string(kOk));

    apply_quotas(work, entry);
    if (work.batch.events.empty()) co_return http::Response::json(200, std::string(kOk));

    if (context_.settings.mode == config::Mode::Import && !work.batch.historical_migration) {
        context_.log.warn(kTarget, "Dropped a batch that is not historical",
                          {{"token", work.token}, {"count", entry.open()}});
        context_.probe.dropped(model::DropReason::NonHistoricalImport, entry.open());
        entry.drop_rest(model::DropReason::NonHistoricalImport);
        co_return success;
    }

    std::size_t const admitted = work.batch.events.size();
    auto built = co_await build_events(work, entry);
    if (built) built = check_ai_lane(context_.settings, work.events);
    if (!built) {
        context_.probe.dropped(built.error().code, admitted);
        entry.refuse_rest(built.error().code);
        work.warnings.refused(built.error(), work.batch);
        co_return refuse(work, built.error(), Stage::Processing);
    }

    apply_limits(work, entry);
    if (work.events.empty()) co_return success;

    auto const published = co_await publish(work);
    work.warnings.published(published);
    if (!published) {
        entry.refuse_rest(published.error().code);
        co_return refuse(work, published.error(), Stage::Processing);
    }
    entry.deliver_rest();
    co_return success;
}

void AnalyticsV0::apply_quotas(Work& work, Ledger::Entry& entry) {
    auto limits = context_.limits.request(work.token, work.facts.now);
    std::size_t const before = work.batch.events.size();
    auto const outcome = limits.quota(work.batch.events);
    if (outcome.removed == 0 && !outcome.billing_limited) {
        limits.count_grace_period(work.batch.events);
        return;
    }
    auto last = model::DropReason::EventsOverQuota;
    for (std::size_t i = 0; i < outcome.counted.size(); ++i) {
        if (outcome.counted[i] == 0) continue;
        context_.probe.dropped(static_cast<model::DropReason>(i), outcome.counted[i]);
        last = static_cast<model::DropReason>(i);
    }
    // The counters may name more events than were taken out (contract 30 §3.4); the ledger books
    // each once, scoped resources first.
    std::size_t left = before - (outcome.billing_limited ? 0 : work.batch.events.size());
    for (auto const reason :
         {model::DropReason::ExceptionsOverQuota, model::DropReason::SurveyResponsesOverQuota,
          model::DropReason::LlmEventsOverQuota}) {
        std::size_t const booked =
            std::min<std::size_t>(left, outcome.counted[static_cast<std::size_t>(reason)]);
        entry.drop(reason, booked);
        left -= booked;
    }
    entry.drop(last, left);
    if (outcome.billing_limited) work.batch.events.clear();
    limits.count_grace_period(work.batch.events);
}

base::Task<Result<void>> AnalyticsV0::build_events(Work& work, Ledger::Entry& entry) {
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

void AnalyticsV0::apply_limits(Work& work, Ledger::Entry& entry) {
    auto limits = context_.limits.request(work.token, work.facts.now);
    auto const admission = limits.admit(work.events, work.arena, parse::analytics_v0::data_size);
    work.warnings.limited(admission);
    for (std::size_t i = 0; i < admission.dropped.size(); ++i) {
        if (admission.dropped[i] == 0) continue;
        auto const reason = static_cast<model::DropReason>(i);
        context_.probe.dropped(reason, admission.dropped[i]);
        entry.drop(reason, admission.dropped[i]);
    }
}

base::Task<Result<void>> AnalyticsV0::publish(Work& work) {
    context_.probe.batch_size.observe(static_cast<double>(work.events.size()));
    work.warnings.before_publish(work.events);
    Result<sink::RecordGroupPtr> group;
    if (!work.large()) {
        group = publisher_.write(work.events, work.facts);
    } else {
        group = co_await context_.pool.run(
            [this, &work] { return publisher_.write(work.events, work.facts); });
    }
    if (!group) co_return std::unexpected(std::move(group.error()));
    // The records hold copies of all they need: give the request's memory back before the wait.
    work.events = {};
    work.batch = {};
    work.body.text.reset();
    co_return co_await publisher_.deliver(std::move(*group));
}

http::Response AnalyticsV0::refuse(const Work& work, const model::Error& error, Stage stage) const {
    if (error.code == Code::BadQuery) return http::Response::error(error);
    context_.probe.error(error.code, stage);
    // A payload over the decompressed cap drops one event; the wire cap (no body was decoded) does
    // not.
    if (error.code == Code::OversizeEvent && stage == Stage::Parsing &&
        !error.detail.starts_with("Request body")) {
        context_.probe.dropped_too_big.add();
    }
    context_.log.debug(kTarget, "Request refused",
                       {{"path", work.request.route()},
                        {"method", work.request.method_text()},
                        {"user_agent", work.request.header("user-agent")},
                        {"error_tag", model::info(error.code).tag},
                        {"token", work.token}});
    return http::Response::error(error);
}

}  // namespace capture::pipeline
