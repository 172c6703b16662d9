// The heads of nearly all requests, read in a tenth of the time. What is read here is what Beast
// would have read; about everything else Beast is asked.
#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <numeric>
#include <optional>

#include "http/parser.h"

namespace capture::http {
namespace {

constexpr std::string_view kVersion = " HTTP/1.1";
constexpr std::size_t kLongest = 8 * 1024 - 32;

bool is_printable(char c) {
    return static_cast<unsigned char>(c) - 0x20U < 0x5fU;
}

/// The bytes that are no printable ASCII. Vectorised by the compiler; of at most 8 KiB.
std::size_t count_others(std::string_view text) {
    constexpr std::size_t kBlock = 32;
    std::array<std::uint8_t, kBlock> columns{};
    for (; text.size() >= kBlock; text.remove_prefix(kBlock)) {
        for (std::size_t i = 0; i < kBlock; ++i)
            columns[i] = static_cast<std::uint8_t>(columns[i] + !is_printable(text[i]));
    }
    return std::accumulate(columns.begin(), columns.end(), std::size_t{0}) +
           static_cast<std::size_t>(std::ranges::count_if(text, std::not_fn(is_printable)));
}

constexpr auto kTokenBytes = [] {
    std::array<bool, 256> table{};
    for (char const c :
         std::string_view("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                          "WXYZ!#$%&'*+-.^_`|~"))
        table[static_cast<unsigned char>(c)] = true;
    return table;
}();

bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return kTokenBytes[static_cast<unsigned char>(c)];
    });
}

std::optional<Method> plain_method(std::string_view text) {
    for (Method const method : {Method::Post, Method::Get, Method::Options, Method::Head}) {
        if (text == to_text(method)) return method;
    }
    return std::nullopt;
}

std::string_view without_blanks(std::string_view text) {
    while (text.starts_with(' '))
        text.remove_prefix(1);
    while (text.ends_with(' '))
        text.remove_suffix(1);
    return text;
}

}  // namespace

bool HeadParser::read_plain(std::string_view bytes) {
    std::string_view rest = bytes.substr(0, std::min(header_limit_, kLongest));
    std::size_t ends = 0;
    for (bool first = true;; first = false) {
        std::string_view const line = rest.substr(0, rest.find('\r'));
        rest.remove_prefix(line.size());
        if (!rest.starts_with("\r\n")) return false;
        rest.remove_prefix(2);
        ends += 2;
        if (line.empty() && !first) break;
        if (!(first ? read_plain_request(line) : read_plain_field(line))) return false;
    }
    consumed_ = static_cast<std::size_t>(rest.data() - bytes.data());
    // If the lines' ends are all there is of such bytes, there is none within a line.
    if (count_others(bytes.substr(0, consumed_)) != ends) {
        consumed_ = 0;
        return false;
    }
    finish_head();
    return true;
}

bool HeadParser::read_plain_request(std::string_view line) {
    if (!line.ends_with(kVersion)) return false;
    line.remove_suffix(kVersion.size());
    std::size_t const blank = line.find(' ');
    if (blank == std::string_view::npos) return false;
    std::string_view const target = line.substr(blank + 1);
    auto const method = plain_method(line.substr(0, blank));
    if (!method || target.empty() || target.size() > kMaxTarget || target.contains(' '))
        return false;
    head_.method_ = *method;
    head_.method_text_ = span(line.substr(0, blank));
    head_.http11_ = true;
    split_target(target);
    return true;
}

bool HeadParser::read_plain_field(std::string_view line) {
    std::size_t const colon = line.find(':');
    if (colon == std::string_view::npos || head_.fields_.size() == Head::kMaxFields) return false;
    std::string_view const name = line.substr(0, colon);
    std::string_view const value = without_blanks(line.substr(colon + 1));
    if (value.empty()) return false;
    Name const known = intern(name);
    switch (known) {
        case Name::TransferEncoding:
        case Name::Expect:
            return false;
        case Name::ContentLength:
            if (++lengths_ > 1 || !read_plain_length(value)) return false;
            break;
        case Name::Connection:
            if (!equal_without_case(value, "keep-alive") && !equal_without_case(value, "close"))
                return false;
            break;
        case Name::Unknown:
            if (!is_token(name) || equal_without_case(name, "proxy-connection")) return false;
            break;
        default:
            break;
    }
    keep_field(name, value, known);
    return true;
}

bool HeadParser::read_plain_length(std::string_view value) {
    constexpr std::size_t kDigits = 18;
    if (value.size() > kDigits || value.find_first_not_of("0123456789") != value.npos) return false;
    std::from_chars(value.data(), value.data() + value.size(), length_);
    return true;
}

}  // namespace capture::http
