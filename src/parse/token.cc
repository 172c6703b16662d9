#include "parse/token.h"

#include "parse/unicode.h"

namespace capture::parse {
namespace {

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

}  // namespace

model::Result<std::string_view> checked_token(std::string_view token) {
    std::string_view const trimmed = trim_white_space(token);
    if (const char* const problem = token_problem(trimmed))
        return model::fail(model::Code::InvalidToken, problem);
    return trimmed;
}

}  // namespace capture::parse
