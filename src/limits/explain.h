// "Where did my events go?": what the limits would do to one event now, step by step, and why.
// Contract 30 §11.
//
// Reads the live Redis content once, then asks the very objects that the request path asks, in its
// order. Nothing is charged: the counts of the question never reach Redis. What only a running
// process knows (the level of a key's token bucket, counts not yet written) is said to be unknown.
// Blocks; for the command line.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/clock.h"
#include "config/settings.h"
#include "model/drop_reason.h"
#include "model/error.h"
#include "model/event.h"
#include "telemetry/log.h"

namespace capture::limits {

/// All views live as long as the answer is used.
struct ExplainQuestion {
    std::string_view token;
    model::ParsedEvent parsed;  ///< as the client sent it: what the quotas look at
    bool historical_migration = false;
    /// What the surface does between quotas and limits: validates the event and builds it. Asked
    /// only about an event that comes so far.
    std::function<model::Result<model::Event>()> build;
    std::size_t (*data_size)(const model::EventData&) = nullptr;  ///< of `event.data`, in bytes
};

struct ExplainStep {
    enum class Verdict : std::uint8_t {
        Off,     ///< the mechanism is not built, or does not look at such events
        Passed,  ///< looked at, nothing done
        Marked,  ///< the event goes on, changed
        Ended,   ///< refused or dropped here; no later step sees the event
    };
    std::string name;  ///< known_token, billing_quota, import_gate, token_dropper, …
    Verdict verdict = Verdict::Passed;
    std::string reason;                                      ///< one sentence
    std::vector<std::pair<std::string, std::string>> facts;  ///< what was read and compared
};
const char* to_text(ExplainStep::Verdict verdict);

struct Explanation {
    std::vector<ExplainStep> steps;
    std::optional<model::Error> refused;       ///< what the client is told instead of success
    std::optional<model::DropReason> dropped;  ///< taken and not produced
    /// The event with its stamps, for the lane decision.
    model::Event event;
    /// Whether the key's token bucket, whose level only a running process knows, may yet send the
    /// event to overflow.
    bool bucket_may_overflow = false;

    std::unique_ptr<base::Arena> arena;  ///< what the stamps refer to
};

/// The error is a malformed setting (as Limits::create says it). An unreachable Redis is a fact of
/// the steps that needed it.
std::expected<Explanation, std::string> explain(const config::Settings& settings,
                                                const ExplainQuestion& question,
                                                telemetry::Logger& logger,
                                                const base::Clock& clock);

}  // namespace capture::limits
