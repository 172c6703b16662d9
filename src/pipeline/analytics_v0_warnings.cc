#include "pipeline/analytics_v0_warnings.h"

#include "parse/distinct_id.h"

namespace capture::pipeline {
namespace {

using model::Code;

/// Which failures a project can do something about.
std::optional<WarningType> type_of(Code code) {
    switch (code) {
        case Code::NoEventName:
            return WarningType::MissingEventName;
        case Code::NoDistinctId:
            return WarningType::MissingDistinctId;
        case Code::AiEventTooBig:
            return WarningType::MessageSizeTooLarge;
        case Code::NonAiEventOnAiLane:
            return WarningType::InvalidAiEvent;
        default:
            return std::nullopt;
    }
}

}  // namespace

void AnalyticsV0Warnings::begin(std::string_view token, const model::EventBatch& batch) {
    if (!warnings_.enabled() || batch.events.empty()) return;
    told_ = std::make_unique<Told>();
    auto const& facts = batch.events.front().facts;
    base::Arena& arena = told_->arena;
    told_->origin = {.path = WarningPath::LegacyAnalytics,
                     .token = arena.copy(token),
                     .route = route_,
                     .lib = arena.copy(tellable(facts.lib)),
                     .lib_version = arena.copy(tellable(facts.lib_version))};
}

void AnalyticsV0Warnings::refused(const model::Error& error, const model::EventBatch& batch,
                                  base::Arena& arena) {
    if (!told_) return;
    auto const type = type_of(error.code);
    if (!type) return;
    bool const single = batch.events.size() == 1;
    if (single) {
        const model::ParsedEvent& event = batch.events.front();
        if (auto const id = parse::distinct_id_of(event, parse::BlankId::Missing, arena)) {
            told_->distinct_id = id->text;
            told_->distinct_id_length = id->length;
        }
        told_->uuid = event.uuid;
    }
    emit({.type = *type, .count = batch.events.size()}, single);
}

void AnalyticsV0Warnings::limited(const limits::Admission& admission) {
    if (!told_ || admission.rate_limited == 0) return;
    bool const one = admission.limited_id_count == 1;
    warnings_.emit(told_->origin,
                   {.type = WarningType::HighVolumeDistinctId, .count = admission.rate_limited},
                   {{"distinctIdCount", admission.limited_id_count},
                    {"distinctId", one ? admission.limited_ids.front() : ""}});
}

void AnalyticsV0Warnings::before_publish(std::span<const model::Event> events) {
    if (!told_) return;
    told_->single = events.size() == 1;
    const model::Event* sample = &events.front();
    for (const model::Event& event : events) {
        if (!event.distinct_id_truncated) continue;
        ++told_->truncated;
        sample = &event;
    }
    if (!told_->single && told_->truncated != 1) return;
    told_->distinct_id = told_->arena.copy(sample->distinct_id);
    told_->distinct_id_length = sample->distinct_id_length;
    told_->uuid = sample->uuid;
}

void AnalyticsV0Warnings::published(const model::Result<void>& outcome) {
    if (!told_) return;
    if (outcome && told_->truncated > 0) {
        emit({.type = WarningType::DistinctIdTruncated, .count = told_->truncated},
             told_->truncated == 1);
    } else if (!outcome && outcome.error().code == Code::OversizeEvent) {
        emit({.type = WarningType::MessageSizeTooLarge}, told_->single);
    }
}

void AnalyticsV0Warnings::emit(const Warning& warning, bool with_sample) {
    if (!with_sample) return warnings_.emit(told_->origin, warning);
    char uuid[base::Uuid::kTextSize];
    if (told_->uuid) told_->uuid->format(uuid);
    warnings_.emit(
        told_->origin, warning,
        {{"distinctId", told_->distinct_id},
         {"distinctIdLength",
          told_->distinct_id_length > 0 ? WarningValue(told_->distinct_id_length) : WarningValue()},
         {"eventUuid", told_->uuid ? std::string_view(uuid, sizeof(uuid)) : std::string_view()}});
}

}  // namespace capture::pipeline
