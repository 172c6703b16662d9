// The request path: RequestLimits and WorkerLimits.
#include <algorithm>

#include "limits/parts.h"

namespace capture::limits {
namespace {

const Snapshot<RateThresholds>& thresholds_of(const Parts& parts,
                                              const std::unique_ptr<RateLimiter>& limiter) {
    return limiter ? std::as_const(*limiter).thresholds() : parts.no_thresholds;
}

std::size_t at(RestrictionPipeline pipeline) {
    return static_cast<std::size_t>(pipeline);
}

}  // namespace

WorkerParts::WorkerParts(Parts& p)
    : parts(p),
      quota(p.quota_sets.table()),
      restrictions(p.restrictions.state()),
      sessions(p.replay.sessions()),
      rate_thresholds(thresholds_of(p, p.rate)),
      ai_thresholds(thresholds_of(p, p.ai_bytes)) {}

WorkerLimits::WorkerLimits(Parts& parts) : parts_(std::make_unique<WorkerParts>(parts)) {}
WorkerLimits::WorkerLimits(WorkerLimits&&) noexcept = default;
WorkerLimits& WorkerLimits::operator=(WorkerLimits&&) noexcept = default;
WorkerLimits::~WorkerLimits() = default;

std::optional<bool> WorkerLimits::token_refused_now(std::string_view token) {
    const KnownTokens& known = *parts_->parts.known_tokens;
    if (!known.enabled()) return false;
    auto const verdict = known.cached(token);
    if (!verdict) return std::nullopt;
    known.count(*verdict);
    return known.refuses(*verdict);
}

base::Task<bool> WorkerLimits::token_refused(std::string_view token) {
    if (auto const refused = token_refused_now(token)) co_return *refused;
    auto const known = parts_->parts.known_tokens;
    TokenVerdict const verdict = co_await known->check(token);
    known->count(verdict);
    co_return known->refuses(verdict);
}

RequestLimits WorkerLimits::request(std::string_view token, base::Instant now) {
    return RequestLimits(*parts_, token, now);
}

RequestLimits::RequestLimits(WorkerParts& worker, std::string_view token, base::Instant now)
    : worker_(worker), token_(token), now_(now) {
    const Parts& parts = worker.parts;
    // What stands before the first `:` names the token of a key; tokens with a `:` are legal.
    token_hash_ = hash_text(token.substr(0, token.find(':')), parts.hash_key);
    dropped_ = parts.dropper.of(token);
    quota_mask_ = worker.quota.get().of(token).bits();
    rules_ = nullptr;
    if (!parts.settings.restrictions.enabled) return;
    const RestrictionState& state = worker.restrictions.get();
    rules_stale_ = state.stale(now.seconds, parts.settings.restrictions.fail_open_after_secs);
    if (!rules_stale_) rules_ = state.table->of(token);
}

QuotaOutcome RequestLimits::quota(std::vector<model::ParsedEvent>& events) {
    return worker_.parts.quota.apply(QuotaMask(quota_mask_), events);
}

void RequestLimits::count_grace_period(const std::vector<model::ParsedEvent>& events) {
    worker_.parts.quota.count_grace_period(QuotaMask(quota_mask_), events);
}

bool RequestLimits::over_global_quota() const {
    return QuotaMask(quota_mask_).limited(worker_.parts.quota.global());
}

bool RequestLimits::dropped_by_token(std::string_view distinct_id) const {
    return dropped_ && static_cast<const TokenDropper::Entry*>(dropped_)->drops(distinct_id);
}

std::optional<model::DropReason> RequestLimits::restrict(model::Event& event, base::Arena& arena) {
    if (!rules_ && !rules_stale_) return std::nullopt;
    auto const pipeline = restriction_pipeline(event.kind);
    if (!pipeline) return std::nullopt;
    const Parts& parts = worker_.parts;
    if (rules_stale_) {
        parts.stale[at(*pipeline)].set(1);
        return std::nullopt;
    }
    const RuleSet& rules = static_cast<const TokenRules*>(rules_)->by_pipeline[at(*pipeline)];
    if (rules.size() == 0) return std::nullopt;
    char uuid[base::Uuid::kTextSize];
    RestrictionFacts facts{event.distinct_id, event.session_id.value_or(""), event.name, {}};
    if (rules.uses_uuid()) {
        event.uuid.format(uuid);
        facts.event_uuid = {uuid, sizeof(uuid)};
    }
    RestrictionMatch const match = rules.match(facts);
    if (match.types == 0) return std::nullopt;
    for (std::size_t t = 0; t < kRestrictionTypes; ++t) {
        if ((match.types >> t) & 1) parts.applied[t * kRestrictionPipelines + at(*pipeline)].add();
    }
    if (match.has(RestrictionType::DropEvent)) return model::DropReason::EventRestriction;
    model::Stamps& stamps = event.stamps;
    stamps.force_overflow |= match.has(RestrictionType::ForceOverflow);
    stamps.dlq |= match.has(RestrictionType::RedirectToDlq);
    stamps.person_processing_off |= match.has(RestrictionType::SkipPersonProcessing);
    // The rules may be replaced before the record is written.
    if (match.redirect) stamps.custom_topic = arena.copy(match.redirect->topic);
    return std::nullopt;
}

bool RequestLimits::ai_budget(const model::Event& event, std::size_t data_bytes) {
    RateLimiter* const budget = worker_.parts.ai_bytes.get();
    if (!budget || event.kind != model::EventKind::Ai || token_.empty()) return false;
    RateEntity const entity =
        rate_entity(worker_.scratch, token_, token_hash_, nullptr, worker_.parts.hash_key);
    return budget->evaluate(worker_.ai_thresholds.get(), entity, data_bytes + kAiRecordOverhead,
                            moment(*budget));
}

std::uint64_t RequestLimits::id_hash(const model::Event& event) const {
    return hash_pair(token_hash_, event.distinct_id, worker_.parts.hash_key);
}

void RequestLimits::prefetch(const model::Event& event, std::uint64_t hash) const {
    const Parts& parts = worker_.parts;
    if (parts.rate_applies) parts.rate->cache().prefetch(hash);
    parts.overflow.prefetch(event.kind, hash);
}

bool RequestLimits::rate_limit(model::Event& event) {
    return rate_limit(event, id_hash(event));
}

void RequestLimits::overflow(model::Event& event) {
    overflow(event, id_hash(event));
}

bool RequestLimits::rate_limit(model::Event& event, std::uint64_t hash) {
    const Parts& parts = worker_.parts;
    if (!parts.rate_applies) return false;
    RateEntity const entity = rate_entity(worker_.scratch, token_, token_hash_, &event.distinct_id,
                                          parts.hash_key, &hash);
    bool const limited =
        parts.rate->evaluate(worker_.rate_thresholds.get(), entity, 1, moment(*parts.rate));
    if (event.stamps.person_processing_off) {
        parts.probe.already_disabled.add();
        return false;
    }
    if (!limited) return false;
    event.stamps.person_processing_off = true;
    if (event.kind == model::EventKind::AnalyticsMain)
        event.stamps.overflow = model::OverflowReason::GlobalRateLimit;
    parts.rate_limited.add();
    return true;
}

void RequestLimits::overflow(model::Event& event, std::uint64_t hash) {
    const Parts& parts = worker_.parts;
    std::chrono::steady_clock::time_point now;
    if (parts.overflow.has_bucket(event.kind)) now = steady();  // nothing else asks for it
    parts.overflow.apply(event, token_, token_hash_, hash, now, worker_.scratch);
}

void RequestLimits::replay_overflow(model::Event& event) {
    const Parts& parts = worker_.parts;
    if (event.stamps.force_overflow) {
        parts.rerouted_by_restriction.add();
        return;
    }
    auto const begun = parts.clock.steady();
    if (worker_.sessions.get().contains(event.session_id.value_or(""))) {
        event.stamps.overflow = model::OverflowReason::ReplayLimited;
    }
    parts.probe.replay_check.observe(
        std::chrono::duration<double>(parts.clock.steady() - begun).count());
}

Admission RequestLimits::admit(std::vector<model::Event>& events, base::Arena& arena,
                               std::size_t (*data_size)(const model::EventData&)) {
    Admission admission;
    auto const drop = [&](model::DropReason reason) {
        ++admission.dropped[static_cast<std::size_t>(reason)];
    };
    bool const budget = worker_.parts.ai_bytes != nullptr;
    bool const keyed = worker_.parts.rate_applies || worker_.parts.settings.overflow.enabled;
    if (!dropped_ && !rules_ && !rules_stale_ && !budget && !keyed) return admission;

    std::size_t const count = events.size();
    std::size_t kept = 0;
    // The tables are larger than any cache: a few events ahead of their turn their lines are called
    // for.
    constexpr std::size_t kAhead = 8;
    std::array<std::uint64_t, kAhead> hashes{};
    auto const look_ahead = [&](std::size_t i) {
        if (i >= count || !keyed) return;
        hashes[i % kAhead] = id_hash(events[i]);
        prefetch(events[i], hashes[i % kAhead]);
    };
    for (std::size_t i = 0; i < std::min(kAhead, count); ++i)
        look_ahead(i);
    for (std::size_t i = 0; i < count; ++i) {
        std::uint64_t const hash = hashes[i % kAhead];
        look_ahead(i + kAhead);
        model::Event& event = events[i];
        if (dropped_by_token(event.distinct_id)) {
            drop(model::DropReason::TokenDropper);
            continue;
        }
        if (auto const reason = restrict(event, arena)) {
            drop(*reason);
            continue;
        }
        if (budget && event.kind == model::EventKind::Ai &&
            ai_budget(event, data_size(event.data))) {
            drop(model::DropReason::AiByteRateLimited);
            continue;
        }
        if (rate_limit(event, hash)) note_limited(admission, event.distinct_id, hash);
        overflow(event, hash);
        if (kept != i) events[kept] = event;
        ++kept;
    }
    if (kept != count) events.resize(kept);
    if (admission.rate_limited > 0) log_limited(admission, kept);
    return admission;
}

void RequestLimits::note_limited(Admission& admission, std::string_view distinct_id,
                                 std::uint64_t id_hash) {
    auto& seen = worker_.limited_ids;
    if (admission.rate_limited++ == 0) seen.clear();
    if (!seen.insert(id_hash).second) return;
    if (seen.size() <= admission.limited_ids.size())
        admission.limited_ids[seen.size() - 1] = distinct_id;
    admission.limited_id_count = static_cast<std::uint32_t>(seen.size());
}

void RequestLimits::log_limited(const Admission& admission, std::size_t events) {
    Parts& parts = worker_.parts;
    auto const pass = parts.rate_limited_lines.pass(parts.clock.steady());
    if (!pass) return;
    std::string ids;
    for (std::size_t i = 0;
         i < std::min<std::size_t>(admission.limited_id_count, admission.limited_ids.size()); ++i) {
        if (i > 0) ids += ", ";
        ids += admission.limited_ids[i];
    }
    parts.logger.warn("capture::limits",
                      "Events are over the global rate limit of their token and distinct_id",
                      {{"token", token_},
                       {"limited", admission.rate_limited},
                       {"events", events},
                       {"distinct_ids", ids},
                       {"suppressed", pass->suppressed}});
}

std::chrono::steady_clock::time_point RequestLimits::steady() {
    if (!moment_read_) {
        steady_ = worker_.parts.clock.steady();
        moment_read_ = true;
    }
    return steady_;
}

RateMoment RequestLimits::moment(const RateLimiter& limiter) {
    return limiter.moment(now_, steady());
}

RateEntity rate_entity(std::string& scratch, std::string_view token, std::uint64_t token_hash,
                       const std::string_view* distinct_id, const HashKey& key,
                       const std::uint64_t* id_hash) {
    RateEntity entity;
    entity.token = token;
    entity.token_hash = token_hash;
    entity.token_only = distinct_id == nullptr;
    if (distinct_id) entity.rest = entity_part(*distinct_id);
    auto const colon = token.find(':');
    bool const whole = distinct_id && entity.rest.size() == distinct_id->size();
    if (colon == token.npos && whole && id_hash) [[likely]] {
        entity.hash = *id_hash;
    } else if (colon == token.npos) {
        entity.hash = distinct_id ? hash_pair(token_hash, entity.rest, key) : token_hash;
    } else {
        scratch.assign(token.substr(colon + 1));
        if (distinct_id) scratch.append(":").append(entity.rest);
        entity.hash = hash_pair(token_hash, scratch, key);
    }
    return entity;
}

}  // namespace capture::limits
