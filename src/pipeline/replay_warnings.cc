#include "pipeline/replay_warnings.h"

#include <optional>

#include "parse/replay/processor.h"

namespace capture::pipeline {
namespace {

using model::Code;

/// Which failures a project can do something about.
std::optional<WarningType> type_of(Code code) {
    switch (code) {
        case Code::NoDistinctId:
            return WarningType::MissingDistinctId;
        case Code::NoSessionId:
            return WarningType::MissingSessionId;
        case Code::InvalidSession:
            return WarningType::InvalidSessionId;
        case Code::NoSnapshot:
            return WarningType::MissingSnapshotData;
        default:
            return std::nullopt;
    }
}

}  // namespace

void ReplayWarnings::begin(std::string_view token, const model::EventBatch& batch,
                           std::string_view user_agent) {
    if (!warnings_.enabled()) return;
    auto const& facts = batch.events.front().facts;
    bool const named = !facts.snapshot->lib.member.empty();
    told_ = std::make_unique<Told>();
    base::Arena& arena = told_->arena;
    told_->events = batch.events.size();
    told_->origin = {
        .path = WarningPath::Replay,
        .token = arena.copy(token),
        .route = route_,
        .lib = named ? arena.copy(tellable(facts.lib)) : parse::replay::library_of(user_agent),
        .lib_version = arena.copy(tellable(facts.lib_version))};
}

void ReplayWarnings::refused(const model::Error& error, const model::Event& event) {
    if (!told_) return;
    auto const type = type_of(error.code);
    if (!type) return;
    // The id itself is never told, only how long it is.
    bool const measured = error.code == Code::InvalidSession && event.session_id;
    warnings_.emit(
        told_->origin, {.type = *type, .count = told_->events},
        {{"eventCount", told_->events},
         {"reason", std::string_view(error.detail)},
         {"sessionIdLength",
          measured ? WarningValue(std::uint64_t{event.session_id->size()}) : WarningValue()}});
}

void ReplayWarnings::before_publish(const model::Event& event) {
    if (!told_ || !event.distinct_id_truncated) return;
    told_->distinct_id = told_->arena.copy(event.distinct_id);
    told_->distinct_id_length = event.distinct_id_length;
}

void ReplayWarnings::published(const model::Result<void>& outcome) {
    if (!told_) return;
    if (outcome && !told_->distinct_id.empty()) {
        warnings_.emit(told_->origin, {.type = WarningType::DistinctIdTruncated},
                       {{"distinctId", told_->distinct_id},
                        {"distinctIdLength", told_->distinct_id_length > 0
                                                 ? WarningValue(told_->distinct_id_length)
                                                 : WarningValue()}});
    } else if (!outcome && outcome.error().code == Code::OversizeEvent) {
        warnings_.emit(told_->origin, {.type = WarningType::MessageSizeTooLarge},
                       {{"eventCount", told_->events}});
    }
}

}  // namespace capture::pipeline
