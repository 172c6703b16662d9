#include "pipeline/ai_lane.h"

#include <algorithm>
#include <string>

namespace capture::pipeline {

model::Result<void> check_ai_lane(const config::Settings& settings,
                                  std::span<const model::Event> events) {
    auto const is_ai = [](const model::Event& event) { return event.kind == model::EventKind::Ai; };
    if (settings.mode == config::Mode::Ai) {
        auto const other = std::ranges::find_if_not(events, is_ai);
        if (other != events.end()) {
            return model::fail(model::Code::NonAiEventOnAiLane, std::string(other->name));
        }
    }
    std::uint64_t const ceiling = settings.ai.max_event_bytes;
    for (const model::Event& event : events) {
        if (ceiling == 0 || !is_ai(event)) continue;
        std::size_t const bytes = model::data_size(event.data);
        if (bytes <= ceiling) continue;
        char uuid[base::Uuid::kTextSize];
        event.uuid.format(uuid);
        return model::fail(model::Code::AiEventTooBig,
                           "AI event " + std::string(event.name) + " (uuid " +
                               std::string(uuid, sizeof(uuid)) + ") is " + std::to_string(bytes) +
                               " bytes, over the " + std::to_string(ceiling) + "-byte limit");
    }
    return {};
}

}  // namespace capture::pipeline
