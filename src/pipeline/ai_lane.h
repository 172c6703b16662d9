// What is asked of the events of a request on account of the AI lane, before any limit. Contract 10
// §11.3, §11.4.
#pragma once

#include <span>

#include "config/settings.h"
#include "model/error.h"
#include "model/event.h"

namespace capture::pipeline {

/// In `ai` every event must be an AI event (NonAiEventOnAiLane); an AI event may have at most
/// AI_MAX_EVENT_BYTES of `data` (AiEventTooBig). The first that is not so fails the request.
model::Result<void> check_ai_lane(const config::Settings& settings,
                                  std::span<const model::Event> events);

}  // namespace capture::pipeline
