// What the replay surface warns a project about, and when: contract 40 §15. One per request, on its
// worker. Every call is a no-op when warnings are off.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/arena.h"
#include "model/error.h"
#include "model/event.h"
#include "pipeline/warnings.h"

namespace capture::pipeline {

class ReplayWarnings {
  public:
    ReplayWarnings(Warnings& warnings, std::string_view route)
        : warnings_(warnings), route_(route) {}

    /// The quotas are through; the batch's first event speaks for the request.
    void begin(std::string_view token, const model::EventBatch& batch, std::string_view user_agent);
    /// The request is refused; `event` is what describing it came to.
    void refused(const model::Error& error, const model::Event& event);
    /// The last moment at which the event is there.
    void before_publish(const model::Event& event);
    /// The record is durable, or why it is not.
    void published(const model::Result<void>& outcome);

  private:
    /// Kept from begin() on, only when warnings are on.
    struct Told {
        base::Arena arena;  ///< of the texts here
        WarningOrigin origin;
        std::uint64_t events = 0;      ///< of the batch
        std::string_view distinct_id;  ///< when it was cut
        std::uint64_t distinct_id_length = 0;
    };

    Warnings& warnings_;
    std::string_view route_;
    std::unique_ptr<Told> told_;
};

}  // namespace capture::pipeline
