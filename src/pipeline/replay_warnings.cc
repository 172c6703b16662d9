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
    events_ = batch.events.size();
    origin_.token = token;
    origin_.lib = named ? arena_.copy(tellable(facts.lib)) : parse::replay::library_of(user_agent);
    origin_.lib_version = arena_.copy(tellable(facts.lib_version));
}

void ReplayWarnings::refused(const model::Error& error, const model::Event& event) {
    if (!warnings_.enabled()) return;
    auto const type = type_of(error.code);
    if (!type) return;
    // The id itself is never told, only how long it is.
    bool const measured = error.code == Code::InvalidSession && event.session_id;
    warnings_.emit(
        origin_, {.type = *type, .count = events_},
        {{"eventCount", events_},
         {"reason", std::string_view(error.detail)},
         {"sessionIdLength",
          measured ? WarningValue(std::uint64_t{event.session_id->size()}) : WarningValue()}});
}

void ReplayWarnings::before_publish(const model::Event& event) {
    if (!warnings_.enabled() || !event.distinct_id_truncated) return;
    distinct_id_ = arena_.copy(event.distinct_id);
    distinct_id_length_ = event.distinct_id_length;
}

void ReplayWarnings::published(const model::Result<void>& outcome) {
    if (!warnings_.enabled()) return;
    if (outcome && !distinct_id_.empty()) {
        warnings_.emit(
            origin_, {.type = WarningType::DistinctIdTruncated},
            {{"distinctId", distinct_id_},
             {"distinctIdLength",
              distinct_id_length_ > 0 ? WarningValue(distinct_id_length_) : WarningValue()}});
    } else if (!outcome && outcome.error().code == Code::OversizeEvent) {
        warnings_.emit(origin_, {.type = WarningType::MessageSizeTooLarge},
                       {{"eventCount", events_}});
    }
}

}  // namespace capture::pipeline
