// What is asked of a whole batch, whatever its shape was.
#include "parse/analytics_v0/reader.h"
#include "parse/unicode.h"

namespace capture::parse::analytics_v0 {
namespace {

using model::Code;

constexpr std::size_t kMaxToken = 64;

const char* token_problem(std::string_view token) {
    if (token.empty()) return "empty";
    if (token.size() > kMaxToken) return "too_long";
    for (char const c : token) {
        if (static_cast<unsigned char>(c) >= 0x80) return "not_ascii";
    }
    if (token.starts_with("phx_")) return "personal_api_key";
    if (token.contains('\0')) return "null_byte";
    return nullptr;
}

/// The one token that the events carry.
model::Result<std::string_view> common_token(const model::EventBatch& batch) {
    std::optional<std::string_view> common;
    for (model::ParsedEvent const& event : batch.events) {
        auto const& token = event.token ? event.token : event.facts.token;
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
    std::string_view const token = trim_white_space(*found);
    if (const char* const problem = token_problem(token))
        return model::fail(Code::InvalidToken, problem);
    return token;
}

}  // namespace capture::parse::analytics_v0
