// "Where did my events go?": what the limits would do to one event now, step by step, and why.
// Contract 30 §11.
//
// Reads the live Redis content once, then asks the very objects that the request path asks. Nothing
// is charged: the counts of the question never reach Redis. What only a running process knows (the
// level of a key's token bucket, counts not yet written) is said to be unknown. Blocks; for the
// command line.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/clock.h"
#include "config/settings.h"
#include "model/drop_reason.h"
#include "model/event.h"
#include "telemetry/log.h"

namespace capture::limits {

struct ExplainQuestion {
    std::string token;
    std::string distinct_id;
    std::string event_name = "$pageview";
    std::string session_id;
    std::string event_uuid;  ///< empty = a fresh one, which no filter names
    bool product_tour = false;
    bool historical_migration = false;
    /// As the processor decides it from the name.
    model::EventKind kind = model::EventKind::AnalyticsMain;
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
    bool refused = false;                      ///< 401: the token belongs to no project
    std::optional<model::DropReason> dropped;  ///< taken and not produced
    /// The event with its stamps, for the lane decision; its views live as long as this object.
    model::Event event;

    std::unique_ptr<ExplainQuestion> question;
    std::unique_ptr<base::Arena> arena;
};

/// The error is a malformed setting (as Limits::create says it). An unreachable Redis is a fact of
/// the steps that needed it.
std::expected<Explanation, std::string> explain(const config::Settings& settings,
                                                ExplainQuestion question, telemetry::Logger& logger,
                                                const base::Clock& clock);

}  // namespace capture::limits
