// One value of the environment, read as its option's kind demands. Strict: a number takes digits
// only, a bool exactly `true` or `false`, and an empty text is never "unset". Contract 80 §1.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace capture::config {

enum class Kind : std::uint8_t {
    Text,
    Bool,
    Unsigned,  ///< between the option's min and max
    Duration,  ///< unsigned; more than ten years count as ten years, so that sums of times cannot
               ///< overflow
    Signed,
    Float,      ///< between the option's min and max
    Address,    ///< `IPv4:port` or `[IPv6]:port`
    Level,      ///< error, warn, info, debug, trace in any case, or 1 … 5
    Word,       ///< one of the option's words, in any case, blanks around it ignored
    ExactWord,  ///< one of the option's words, letter by letter
    RedisUrl,   ///< checked by the caller's parser; `none` is a value
};

struct Limits {
    std::uint64_t min = 0;
    std::uint64_t max = UINT64_MAX;
    const char* words = "";  ///< `off|dry_run|enforce`
};

struct Value {
    bool present =
        false;  ///< false: an optional variable that is not set; everything else is zero then
    std::string text;  ///< words in their declared spelling
    std::uint64_t number = 0;
    std::int64_t integer = 0;
    double real = 0;
    bool flag = false;

    std::optional<std::uint64_t> optional_number() const {
        return present ? std::optional(number) : std::nullopt;
    }
    std::uint64_t number_or(std::uint64_t other) const { return present ? number : other; }
};

inline constexpr std::uint64_t kTenYearsSeconds = 315'360'000;

/// The error says what is accepted; it never repeats the text, which may be a secret.
std::expected<Value, std::string> parse_value(Kind kind, const Limits& limits,
                                              std::string_view text);

/// Without blanks and tabs at both ends.
std::string_view trim(std::string_view text);

}  // namespace capture::config
