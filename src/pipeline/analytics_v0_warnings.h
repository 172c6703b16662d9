// What the v0 routes warn a project about, and when: contract 10 §11, 20 §14. One per request, on
// its worker. Every call is a no-op when warnings are off, and otherwise costs a few copied bytes
// until there is something to say.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "limits/limits.h"
#include "model/error.h"
#include "model/event.h"
#include "pipeline/warnings.h"

namespace capture::pipeline {

class AnalyticsV0Warnings {
  public:
    /// `arena` is the request's; texts that must outlive the body go there.
    AnalyticsV0Warnings(Warnings& warnings, std::string_view route, base::Arena& arena)
        : warnings_(warnings),
          arena_(arena),
          origin_{.path = WarningPath::LegacyAnalytics,
                  .token = {},
                  .route = route,
                  .lib = {},
                  .lib_version = {}} {}

    /// The request is accepted: before quotas take events out of it. `token` outlives the body.
    void begin(std::string_view token, const model::EventBatch& batch);
    /// Building events failed, which refuses the whole request; `batch` is what quotas left.
    void refused(const model::Error& error, const model::EventBatch& batch);
    /// The limits are through.
    void limited(const limits::Admission& admission);
    /// The last moment at which the events are there.
    void before_publish(std::span<const model::Event> events);
    /// The records are durable, or why they are not.
    void published(const model::Result<void>& outcome);

  private:
    /// `with_sample`: the warning is about one event alone, which is named.
    void emit(const Warning& warning, bool with_sample);

    Warnings& warnings_;
    base::Arena& arena_;
    WarningOrigin origin_;
    bool single_ = false;          ///< one record is published
    std::uint64_t truncated_ = 0;  ///< events whose distinct_id was cut
    // The sample.
    std::string_view distinct_id_;
    std::uint64_t distinct_id_length_ = 0;
    std::optional<base::Uuid> uuid_;
};

}  // namespace capture::pipeline
