#include "pipeline/intake.h"

#include <algorithm>
#include <string>

namespace capture::pipeline {
namespace {

using model::Code;
using model::Result;

/// Milliseconds of 2021-01-01 and of the end of year 9999: what `_` and `sent_at` may say (contract
/// 10 §5.3).
constexpr std::int64_t kMinSentAt = 1'609'459'200'000;
constexpr std::int64_t kMaxSentAt = 253'402'300'799'999;

/// Contract 10 §6.6.
bool is_old_path(std::string_view path) {
    return path == "/e" || path == "/e/" || path.starts_with("/capture") ||
           path.starts_with("/engage") || path.starts_with("/track");
}

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

Result<void> Intake::read_query(Arrival& arrival) {
    auto query = decode::read_query(arrival.request.query());
    if (!query) return std::unexpected(std::move(query.error()));
    arrival.query = std::move(*query);
    return {};
}

Result<void> Intake::open(Arrival& arrival) const {
    http::Request const& request = arrival.request;
    auto body = gate_.open({.body = std::move(arrival.wire),
                            .query = arrival.query,
                            .content_type = request.header("content-type"),
                            .content_encoding = request.header("content-encoding"),
                            .old_path = is_old_path(request.path())},
                           &context_.budget);
    if (!body) return std::unexpected(std::move(body.error()));
    arrival.body = std::move(*body);
    return {};
}

Result<Intake::Known> Intake::take_token(Arrival& arrival, Result<std::string_view> token) const {
    if (!token) return std::unexpected(std::move(token.error()));
    arrival.token = arrival.arena.copy(*token);  // the body goes before the answer is known
    auto const refused = context_.limits.token_refused_now(arrival.token);
    if (!refused) return Known::AskRedis;
    if (auto known = verdict(*refused); !known) return std::unexpected(std::move(known.error()));
    return Known::Yes;
}

Result<void> Intake::verdict(bool refused) {
    if (refused) return model::fail(Code::UnknownToken);
    return {};
}

void Intake::accept(Arrival& arrival) const {
    context_.probe.received.add(static_cast<double>(arrival.batch.events.size()));
    arrival.facts = {.token = arrival.token,
                     .ip = arrival.request.client_ip(),
                     .now = context_.clock.now(),
                     .sent_at = std::nullopt};
}

void Intake::set_sent_at(Arrival& arrival, const std::optional<model::SentAt>& body) {
    arrival.facts.sent_at = body;
    auto const& query = arrival.query.sent_at_millis;
    if (!body && query && *query >= kMinSentAt && *query <= kMaxSentAt)
        arrival.facts.sent_at = model::SentAt{base::Instant::from_millis(*query), 0};
}

bool Intake::apply_quotas(Arrival& arrival, Ledger::Entry& entry) const {
    auto limits = context_.limits.request(arrival.token, arrival.facts.now);
    auto& events = arrival.batch.events;
    std::size_t const before = events.size();
    auto const outcome = limits.quota(events);
    if (outcome.removed == 0 && !outcome.billing_limited) {
        limits.count_grace_period(events);
        return true;
    }
    auto last = model::DropReason::EventsOverQuota;
    for (std::size_t i = 0; i < outcome.counted.size(); ++i) {
        if (outcome.counted[i] == 0) continue;
        context_.probe.dropped(static_cast<model::DropReason>(i), outcome.counted[i]);
        last = static_cast<model::DropReason>(i);
    }
    // The counters may name more events than were taken out (contract 30 §3.4); the ledger books
    // each once, scoped resources first.
    std::size_t left = before - (outcome.billing_limited ? 0 : events.size());
    for (auto const reason :
         {model::DropReason::ExceptionsOverQuota, model::DropReason::SurveyResponsesOverQuota,
          model::DropReason::LlmEventsOverQuota, model::DropReason::MobileRecordingsOverQuota}) {
        std::size_t const booked =
            std::min<std::size_t>(left, outcome.counted[static_cast<std::size_t>(reason)]);
        entry.drop(reason, booked);
        left -= booked;
    }
    entry.drop(last, left);
    if (outcome.billing_limited) events.clear();
    limits.count_grace_period(events);
    return !events.empty();
}

Result<void> Intake::write(Arrival& arrival, Pending& pending) const {
    context_.probe.batch_size.observe(static_cast<double>(arrival.events.size()));
    auto records = publisher_.write(arrival.events, arrival.facts);
    if (!records) return std::unexpected(std::move(records.error()));
    pending.records = std::move(*records);
    pending.compression = arrival.body.compression;
    pending.beacon = arrival.query.beacon;
    if (context_.log.enabled(refusal_level(arrival.request), rules_.log_target))
        pending.token = arrival.token;
    return {};
}

base::Task<Result<void>> Intake::write_on_pool(Arrival& arrival, Pending& pending) const {
    co_return co_await context_.pool.run(
        [this, &arrival, &pending] { return write(arrival, pending); });
}

http::Response Intake::success(bool beacon) {
    if (beacon) return http::Response::empty(204);
    return http::Response::json(200, R"({"status":"Ok"})");
}

http::Response Intake::reject(const Arrival& arrival, Ledger::Entry& entry,
                              const model::Error& error) const {
    context_.probe.dropped(error.code, arrival.batch.events.size());
    return unwritten(arrival, entry, error);
}

http::Response Intake::unwritten(const Arrival& arrival, Ledger::Entry& entry,
                                 const model::Error& error) const {
    entry.refuse_rest(error.code);
    return refuse(arrival, error, Stage::Processing);
}

http::Response Intake::undelivered(Pending& pending, const model::Error& error) const {
    std::size_t const events = pending.entry->open();
    pending.entry->refuse_rest(error.code);
    return refuse(Refused{pending.request, pending.compression, events, pending.token}, error,
                  Stage::Processing);
}

http::Response Intake::refuse(const Arrival& arrival, const model::Error& error,
                              Stage stage) const {
    return refuse(Refused{arrival.request, arrival.body.compression, arrival.batch.events.size(),
                          arrival.token},
                  error, stage);
}

http::Response Intake::refuse(const Refused& refused, const model::Error& error,
                              Stage stage) const {
    if (error.code == Code::BadQuery) return http::Response::error(error);
    context_.probe.error(error.code, stage);
    // A payload over the decompressed cap drops one event; the wire cap (no body was decoded) does
    // not.
    if (error.code == Code::OversizeEvent && stage == Stage::Parsing &&
        !error.detail.starts_with("Request body")) {
        context_.probe.dropped_too_big.add();
    }
    log_refusal(refused, error);
    return http::Response::error(error);
}

telemetry::Level Intake::refusal_level(const http::Request& request) const {
    return request.has_header("x-capture-debug") ? telemetry::Level::Info : telemetry::Level::Debug;
}

/// Contract 10 §15, 40 §16.
void Intake::log_refusal(const Refused& refused, const model::Error& error) const {
    http::Request const& request = refused.request;
    auto const level = refusal_level(request);
    if (!context_.log.enabled(level, rules_.log_target)) return;
    context_.log.log(level, rules_.log_target, "Request refused",
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
