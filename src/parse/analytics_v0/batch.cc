// What is asked of a whole batch, whatever its shape was.
#include "parse/analytics_v0/reader.h"
#include "parse/token.h"
#include "parse/unicode.h"

namespace capture::parse::analytics_v0 {
namespace {

using model::Code;

/// The one token that the events carry.
model::Result<std::string_view> common_token(const model::EventBatch& batch) {
    std::optional<std::string_view> common;
    for (model::ParsedEvent const& event : batch.events) {
        auto const& token = token_of(event);
        if (!token || (common && *token == *common)) continue;
        if (common && trim_white_space(*token) != trim_white_space(*common))
            return model::fail(Code::MultipleTokens);
        common = token;
    }
    if (!common) return model::fail(Code::NoToken);
    return *common;
}

}  // namespace

model::Result<void> drop_performance_events(model::EventBatch& batch) {
    if (batch.events.empty()) return model::fail(Code::EmptyBatch);
    std::erase_if(batch.events, [](const model::ParsedEvent& event) {
        return event.name == "$performance_event";
    });
    return {};
}

model::Result<std::string_view> request_token(const model::EventBatch& batch) {
    auto const found = batch.batch_token ? model::Result<std::string_view>(*batch.batch_token)
                                         : common_token(batch);
    if (!found) return found;
    return checked_token(*found);
}

}  // namespace capture::parse::analytics_v0
