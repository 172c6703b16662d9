// The shape of a project token. Contract 10 §8.
#pragma once

#include <string_view>

#include "model/error.h"
#include "model/event.h"

namespace capture::parse {

/// An event's own token: the top-level one, else that of its properties.
inline const std::optional<std::string_view>& token_of(const model::ParsedEvent& event) {
    return event.token ? event.token : event.facts.token;
}

/// The token without white space around it. Error: InvalidToken.
model::Result<std::string_view> checked_token(std::string_view token);

}  // namespace capture::parse
