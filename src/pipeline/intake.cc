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

void keep_body(Arrival& arrival, Result<base::Buffer>&& wire) {
    if (wire)
        arrival.wire = std::move(*wire);
    else
        arrival.done = std::unexpected(std::move(wire.error()));
}

}  // namespace

bool Intake::receive_now(Arrival& arrival) const {
    if (auto const text = arrival.request.query(); !text.empty()) {
        auto query = decode::read_query(text);
        if (!query) {
            arrival.done = std::unexpected(std::move(query.error()));
            return true;
        }
        arrival.query = std::move(*query);
    }
    auto wire = arrival.request.body_at_hand(rules_.wire_cap);
    if (wire) keep_body(arrival, std::move(*wire));
    return wire.has_value();
}

base::Task<void> Intake::receive(Arrival& arrival) const {
    keep_body(arrival, co_await arrival.request.read_body(rules_.wire_cap));
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

bool Intake::check_token_now(Arrival& arrival, Result<std::string_view> token) const {
    if (!token) {
        arrival.done = std::unexpected(std::move(token.error()));
        return true;
    }
    arrival.token = arrival.arena.copy(*token);  // the body goes before the answer is known
    auto const refused = context_.limits.token_refused_now(arrival.token);
    if (refused && *refused) arrival.done = model::fail(Code::UnknownToken);
    return refused.has_value();
}

base::Task<void> Intake::check_token(Arrival& arrival) const {
    // Not in the condition: GCC 12 lays out the frame wrongly where a branch has temporaries, too.
    bool const refused = co_await context_.limits.token_refused(arrival.token);
    if (refused) arrival.done = model::fail(Code::UnknownToken);
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

limits::RequestLimits& Intake::limits(Arrival& arrival) const {
    if (!arrival.limits)
        arrival.limits.emplace(context_.limits.request(arrival.token, arrival.facts.now));
    return *arrival.limits;
}

bool Intake::apply_quotas(Arrival& arrival, Ledger::Entry& entry) const {
    auto& limits = Intake::limits(arrival);
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
    if (refusals_.logged(arrival.request)) pending.token = arrival.token;
    return {};
}

base::Task<void> Intake::write_on_pool(Arrival& arrival, Pending& pending) const {
    arrival.done =
        co_await context_.pool.run([this, &arrival, &pending] { return write(arrival, pending); });
}

http::Response Intake::success(bool beacon) {
    if (beacon) return http::Response::empty(204);
    return http::Response::json(200, R"({"status":"Ok"})");
}

http::Response Intake::reject(const Arrival& arrival, Ledger::Entry& entry,
                              const model::Error& error) const {
    context_.probe.dropped(error.code, arrival.batch.events.size());
    entry.refuse_rest(error.code);
    return refuse(arrival, error, Stage::Processing);
}

http::Response Intake::unwritten(const Arrival& arrival, Ledger::Entry& entry) const {
    entry.refuse_rest(arrival.done.error().code);
    return refuse(arrival, arrival.done.error(), Stage::Processing);
}

http::Response Intake::undelivered(Pending& pending, const model::Error& error) const {
    std::size_t const events = pending.entry->open();
    pending.entry->refuse_rest(error.code);
    return refusals_.refuse({.request = pending.request,
                             .compression = pending.compression,
                             .batch_size = events,
                             .token = pending.token},
                            error, Stage::Processing);
}

http::Response Intake::refuse(const Arrival& arrival, const model::Error& error,
                              Stage stage) const {
    return refusals_.refuse({.request = arrival.request,
                             .compression = arrival.body.compression,
                             .batch_size = arrival.batch.events.size(),
                             .token = arrival.token},
                            error, stage);
}

}  // namespace capture::pipeline
