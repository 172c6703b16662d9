#include "config/value.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace capture::config {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

std::string_view before(std::string_view text, char separator) {
    return text.substr(0, text.find(separator));
}

std::expected<std::uint64_t, std::string> parse_unsigned(const Limits& limits,
                                                         std::string_view text) {
    std::uint64_t number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool const whole = !text.empty() && end == text.data() + text.size();
    if (!whole || error != std::errc() || number < limits.min || number > limits.max) {
        if (limits.max == UINT64_MAX && limits.min == 0)
            return std::unexpected("expected a number without sign");
        if (limits.max == UINT64_MAX)
            return std::unexpected("expected a number of at least " + std::to_string(limits.min));
        return std::unexpected("expected a number from " + std::to_string(limits.min) + " to " +
                               std::to_string(limits.max));
    }
    return number;
}

bool is_address(std::string_view text) {
    auto const colon = text.rfind(':');
    if (colon == std::string_view::npos) return false;
    auto const port = text.substr(colon + 1);
    if (port.size() > 5 || !parse_unsigned({.max = 65535}, port)) return false;
    std::string host(text.substr(0, colon));
    in6_addr parsed{};
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        return inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &parsed) == 1;
    }
    return inet_pton(AF_INET, host.c_str(), &parsed) == 1;
}

std::expected<std::string, std::string> parse_word(const char* words, std::string_view text,
                                                   bool exact) {
    std::string const wanted = exact ? std::string(text) : lower(trim(text));
    std::string choices;
    for (std::string_view rest = words;;) {
        auto const word = before(rest, '|');
        if (wanted == word) return std::string(word);
        choices.append(choices.empty() ? "" : ", ").append(word.empty() ? "empty" : word);
        if (word.size() == rest.size()) break;
        rest.remove_prefix(word.size() + 1);
    }
    return std::unexpected("expected one of: " + choices);
}

std::expected<std::string, std::string> parse_level(std::string_view text) {
    constexpr std::string_view kLevels[]{"error", "warn", "info", "debug", "trace"};
    auto const word = lower(text);
    for (std::size_t i = 0; i < std::size(kLevels); ++i) {
        if (word == kLevels[i] || word == std::to_string(i + 1)) return std::string(kLevels[i]);
    }
    return std::unexpected("expected error, warn, info, debug, trace or 1 to 5");
}

}  // namespace

std::string_view trim(std::string_view text) {
    auto const blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
    while (!text.empty() && blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && blank(text.back()))
        text.remove_suffix(1);
    return text;
}

std::expected<Value, std::string> parse_value(Kind kind, const Limits& limits,
                                              std::string_view text) {
    Value value{.present = true, .text = std::string(text)};
    auto const take_text =
        [&](std::expected<std::string, std::string> word) -> std::expected<Value, std::string> {
        if (!word) return std::unexpected(word.error());
        value.text = *word;
        return value;
    };
    switch (kind) {
        case Kind::Text:
        case Kind::RedisUrl:
            return value;
        case Kind::Bool:
            if (text != "true" && text != "false") return std::unexpected("expected true or false");
            value.flag = text == "true";
            return value;
        case Kind::Unsigned:
        case Kind::Duration: {
            auto const number = parse_unsigned(limits, text);
            if (!number) return std::unexpected(number.error());
            value.number = *number;
            if (kind == Kind::Duration)
                value.number = std::min(value.number, kTenYearsSeconds * 1000);
            return value;
        }
        case Kind::Signed: {
            auto const [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), value.integer);
            if (text.empty() || end != text.data() + text.size() || error != std::errc()) {
                return std::unexpected("expected a whole number");
            }
            return value;
        }
        case Kind::Float: {
            auto const [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), value.real);
            bool const whole =
                !text.empty() && end == text.data() + text.size() && error == std::errc();
            if (!whole || !(value.real >= static_cast<double>(limits.min) &&
                            value.real <= static_cast<double>(limits.max))) {
                return std::unexpected("expected a decimal number from " +
                                       std::to_string(limits.min) + " to " +
                                       std::to_string(limits.max));
            }
            return value;
        }
        case Kind::Address:
            if (!is_address(text)) return std::unexpected("expected IPv4:port or [IPv6]:port");
            return value;
        case Kind::Level:
            return take_text(parse_level(text));
        case Kind::Word:
            return take_text(parse_word(limits.words, text, false));
        case Kind::ExactWord:
            return take_text(parse_word(limits.words, text, true));
    }
    return std::unexpected("unknown kind");
}

}  // namespace capture::config
