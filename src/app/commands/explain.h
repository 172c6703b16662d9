// `capture explain`: "where did my events go?" What would happen now to an event of a token and a
// distinct_id: the request's own parser, limits (on the live Redis content) and lane decision are
// run over a made-up event, and each step says what it did and why. Nothing is charged and nothing
// is produced.
#pragma once

#include <expected>
#include <string>

#include "config/settings.h"

namespace capture::app {

struct ExplainOptions {
    std::string token = {};
    std::string distinct_id = {};
    std::string event = "$pageview";
    std::string session_id = {};  ///< matters to recordings only
    std::string uuid = {};        ///< of the event; empty = one that no restriction names
    std::string properties = "{}";
    bool historical = false;  ///< as if sent with historical_migration
    bool json = false;
};

/// The text for stdout; the error is a setting that cannot be used.
std::expected<std::string, std::string> explain_text(const config::Settings& settings,
                                                     const ExplainOptions& options);

int run_explain(const config::Settings& settings, const ExplainOptions& options);

}  // namespace capture::app
