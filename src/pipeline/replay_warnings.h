// What the replay surface warns a project about, and when: contract 40 §15. One per request, on its
// worker. Every call is a no-op when warnings are off.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "model/error.h"
#include "model/event.h"
#include "pipeline/warnings.h"

namespace capture::pipeline {

class ReplayWarnings {
  public:
    /// `arena` is the request's; texts that must outlive the body go there.
    ReplayWarnings(Warnings& warnings, std::string_view route, base::Arena& arena)
        : warnings_(warnings),
          arena_(arena),
          origin_{.path = WarningPath::Replay,
                  .token = {},
                  .route = route,
                  .lib = {},
                  .lib_version = {}} {}

    /// The quotas are through; the batch's first event speaks for the request. `token` outlives the
    /// body.
    void begin(std::string_view token, const model::EventBatch& batch, std::string_view user_agent);
    /// The request is refused; `event` is what describing it came to.
    void refused(const model::Error& error, const model::Event& event);
    /// The last moment at which the event is there.
    void before_publish(const model::Event& event);
    /// The record is durable, or why it is not.
    void published(const model::Result<void>& outcome);

  private:
    Warnings& warnings_;
    base::Arena& arena_;
    WarningOrigin origin_;
    std::uint64_t events_ = 0;      ///< of the batch
    std::string_view distinct_id_;  ///< when it was cut
    std::uint64_t distinct_id_length_ = 0;
};

}  // namespace capture::pipeline
