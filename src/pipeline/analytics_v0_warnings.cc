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
    auto const& facts = batch.events.front().facts;
    origin_.token = token;
    origin_.lib = arena_.copy(tellable(facts.lib));
    origin_.lib_version = arena_.copy(tellable(facts.lib_version));
}

void AnalyticsV0Warnings::refused(const model::Error& error, const model::EventBatch& batch) {
    if (!warnings_.enabled()) return;
    auto const type = type_of(error.code);
    if (!type) return;
    bool const single = batch.events.size() == 1;
    if (single) {
        const model::ParsedEvent& event = batch.events.front();
        if (auto const id = parse::distinct_id_of(event, parse::BlankId::Missing, arena_)) {
            distinct_id_ = id->text;
            distinct_id_length_ = id->length;
        }
        uuid_ = event.uuid;
    }
    emit({.type = *type, .count = batch.events.size()}, single);
}

void AnalyticsV0Warnings::limited(const limits::Admission& admission) {
    if (!warnings_.enabled() || admission.rate_limited == 0) return;
    bool const one = admission.limited_id_count == 1;
    warnings_.emit(origin_,
                   {.type = WarningType::HighVolumeDistinctId, .count = admission.rate_limited},
                   {{"distinctIdCount", admission.limited_id_count},
                    {"distinctId", one ? admission.limited_ids.front() : ""}});
}

void AnalyticsV0Warnings::before_publish(std::span<const model::Event> events) {
    if (!warnings_.enabled()) return;
    single_ = events.size() == 1;
    const model::Event* sample = &events.front();
    for (const model::Event& event : events) {
        if (!event.distinct_id_truncated) continue;
        ++truncated_;
        sample = &event;
    }
    if (!single_ && truncated_ != 1) return;
    distinct_id_ = arena_.copy(sample->distinct_id);
    distinct_id_length_ = sample->distinct_id_length;
    uuid_ = sample->uuid;
}

void AnalyticsV0Warnings::published(const model::Result<void>& outcome) {
    if (!warnings_.enabled()) return;
    if (outcome && truncated_ > 0) {
        emit({.type = WarningType::DistinctIdTruncated, .count = truncated_}, truncated_ == 1);
    } else if (!outcome && outcome.error().code == Code::OversizeEvent) {
        emit({.type = WarningType::MessageSizeTooLarge}, single_);
    }
}

void AnalyticsV0Warnings::emit(const Warning& warning, bool with_sample) {
    if (!with_sample) return warnings_.emit(origin_, warning);
    char uuid[base::Uuid::kTextSize];
    if (uuid_) uuid_->format(uuid);
    warnings_.emit(
        origin_, warning,
        {{"distinctId", distinct_id_},
         {"distinctIdLength",
          distinct_id_length_ > 0 ? WarningValue(distinct_id_length_) : WarningValue()},
         {"eventUuid", uuid_ ? std::string_view(uuid, sizeof(uuid)) : std::string_view()}});
}

}  // namespace capture::pipeline
