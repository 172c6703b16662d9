#include "pipeline/replay.h"

#include <utility>

#include "pipeline/replay_warnings.h"

namespace capture::pipeline {
namespace {

using model::Code;
using model::Result;

constexpr std::string_view kTarget = "capture::replay";
constexpr std::string_view kQuotaLimited = R"({"status":"Ok","quota_limited":["recordings"]})";

}  // namespace

struct Replay::Waiting : Pending {
    Waiting(const Context& context, http::Request& r)
        : Pending(context, r), warnings(context.warnings, r.route()) {}

    ReplayWarnings warnings;
};

struct Replay::Work : Arrival {
    using Arrival::Arrival;

    model::Event& event() { return events.front(); }
    const model::Event& event() const { return events.front(); }

    Result<void> items;  ///< known early, asked for after the restrictions
};

Replay::Replay(const Context& context, const decode::Probe& decode_probe,
               const parse::Probe& parse_probe)
    : context_(context),
      parse_probe_(parse_probe),
      intake_(context, decode_probe,
              {.wire_cap = kBodyCap,
               .decompressed_cap =
                   context.settings.producer_of("SESSION_REPLAY_MAIN").message_max_bytes,
               .log_target = kTarget}),
      processor_(parse_probe) {}

base::Task<http::Response> Replay::serve(http::Request& request) {
    return intake_.serve(*this, request);
}

Result<void> Replay::read(Work& work, Reader& reader) const {
    auto batch = reader.read(work.body, work.arena, &context_.budget);
    if (!batch) return std::unexpected(std::move(batch.error()));
    work.batch = std::move(*batch);
    return {};
}

Result<std::string_view> Replay::token_of(const model::EventBatch& batch) {
    return parse::replay::request_token(batch);
}

std::optional<http::Response> Replay::accept(Work& work, Waiting& waiting) const {
    http::Request const& request = work.request;
    if (!work.done) {
        if (work.done.error().code == Code::EmptyBatch)
            context_.log.info(kTarget, "Request holds no event", {{"path", request.route()}});
        return intake_.refuse(work, work.done.error(), Stage::Parsing);
    }

    auto& entry = waiting.entry.emplace(context_.ledger, work.batch.events.size());
    intake_.accept(work);
    if (!intake_.apply_quotas(work, entry))
        return http::Response::json(200, std::string(kQuotaLimited));

    // The quota may have taken the first event: the next one then speaks for the request.
    Intake::set_sent_at(work, work.batch.events.front().facts.snapshot->sent_at);
    waiting.warnings.begin(work.token, work.batch, request.header("user-agent"));
    return std::nullopt;
}

Result<void> Replay::build(Work& work, Processor& processor) const {
    work.events.emplace_back();
    auto described = processor.describe(work.batch, work.facts, work.request.header("user-agent"),
                                        work.arena, work.event());
    if (described) work.items = Processor::collect_items(work.batch, work.arena, work.event());
    if (work.arena.exhausted())
        return model::fail(Code::ServiceUnavailable, "memory budget exhausted");
    return described;
}

std::optional<http::Response> Replay::limit(Work& work, Waiting& waiting) {
    if (!work.done) return reject(work, waiting, work.done.error());
    if (!pass_restrictions(work, *waiting.entry)) return Intake::success(work.query.beacon);
    if (!work.items) return reject(work, waiting, work.items.error());
    intake_.limits(work).replay_overflow(work.event());

    waiting.warnings.before_publish(work.event());
    return std::nullopt;
}

bool Replay::pass_restrictions(Work& work, Ledger::Entry& entry) const {
    auto const reason = intake_.limits(work).restrict(work.event(), work.arena);
    if (!reason) return true;
    context_.probe.dropped(*reason, 1);  // one per request (contract 40 §10)
    entry.drop_rest(*reason);
    return false;
}

http::Response Replay::reject(const Work& work, Waiting& waiting, const model::Error& error) {
    if (auto const pass = rejections_.pass(context_.clock.steady())) {
        bool const valid = error.code == Code::NoSnapshot;  // that comes after the session id
        context_.log.warn(kTarget, "Recording refused",
                          {{"error_tag", model::info(error.code).tag},
                           {"reason", error.detail},
                           {"token", work.token},
                           {"session_id", valid ? *work.event().session_id : ""},
                           {"batch_size", work.batch.events.size()},
                           {"suppressed", pass->suppressed}});
    }
    waiting.warnings.refused(error, work.event());
    return intake_.reject(work, *waiting.entry, error);
}

}  // namespace capture::pipeline
