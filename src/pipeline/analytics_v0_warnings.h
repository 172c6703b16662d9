// What the v0 routes warn a project about, and when: contract 10 §11, 20 §14. One per request, on
// its worker. Every call is a no-op when warnings are off, and otherwise costs a few copied bytes
// until there is something to say.
#pragma once

#include <memory>
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
    AnalyticsV0Warnings(Warnings& warnings, std::string_view route)
        : warnings_(warnings), route_(route) {}

    /// The request is accepted: before quotas take events out of it.
    void begin(std::string_view token, const model::EventBatch& batch);
    /// Building events failed, which refuses the whole request; `batch` is what quotas left, and
    /// `arena` the request's.
    void refused(const model::Error& error, const model::EventBatch& batch, base::Arena& arena);
    /// The limits are through.
    void limited(const limits::Admission& admission);
    /// The last moment at which the events are there.
    void before_publish(std::span<const model::Event> events);
    /// The records are durable, or why they are not.
    void published(const model::Result<void>& outcome);

  private:
    /// Kept from begin() on, only when warnings are on.
    struct Told {
        base::Arena arena;  ///< of the texts here
        WarningOrigin origin;
        bool single = false;          ///< one record is published
        std::uint64_t truncated = 0;  ///< events whose distinct_id was cut
        // The sample.
        std::string_view distinct_id;
        std::uint64_t distinct_id_length = 0;
        std::optional<base::Uuid> uuid;
    };

    /// `with_sample`: the warning is about one event alone, which is named.
    void emit(const Warning& warning, bool with_sample);

    Warnings& warnings_;
    std::string_view route_;
    std::unique_ptr<Told> told_;
};

}  // namespace capture::pipeline
