#include "parse/timestamp.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

#include "parse/loose_date.h"
#include "parse/text_scanner.h"

namespace capture::parse {
namespace {

using base::CivilTime;
using base::Instant;

bool valid_time(const CivilTime& t) {
    return t.hour <= 23 && t.minute <= 59 && t.second <= 60;
}

Instant at_offset(const CivilTime& civil, std::uint32_t nanos, int offset_minutes) {
    return {base::from_civil(civil) - offset_minutes * 60, nanos};
}

/// `Z`, `±hh:mm`, `±hhmm` or `±hh`.
bool take_offset(TextScanner& in, int& minutes) {
    if (in.take_any("Zz")) {
        minutes = 0;
        return true;
    }
    bool const west = in.peek() == '-';
    int hours = 0;
    int rest = 0;
    if (!in.take_any("+-") || !in.take_number(2, 2, hours)) return false;
    bool const colon = in.take(':');
    if (!in.take_number(2, 2, rest) && colon) return false;
    if (hours > 23 || rest > 59) return false;
    minutes = (hours * 60 + rest) * (west ? -1 : 1);
    return true;
}

bool take_year(TextScanner& in, std::int64_t& year) {
    int value = 0;
    if (!in.take_number(4, 4, value)) return false;
    year = value;
    return true;
}

/// The number that two digits are; above 99 if they are none.
int two_digits(const char* at) {
    int const tens = at[0] - '0';
    int const ones = at[1] - '0';
    bool const digits = tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
    return digits ? tens * 10 + ones : 100;
}

std::optional<Instant> parse_rfc3339(std::string_view text) {
    // All but the fraction and the offset have their places.
    constexpr std::string_view kFixed = "YYYY-MM-DDThh:mm:ss";
    if (text.size() <= kFixed.size()) return std::nullopt;
    const char* const at = text.data();
    bool const marked = at[4] == '-' && at[7] == '-' &&
                        (at[10] == 'T' || at[10] == 't' || at[10] == ' ') && at[13] == ':' &&
                        at[16] == ':';
    int const century = two_digits(at);
    int const year = two_digits(at + 2);
    if (!marked || century > 99 || year > 99) return std::nullopt;
    CivilTime const t{.year = century * 100 + year,
                      .month = two_digits(at + 5),
                      .day = two_digits(at + 8),
                      .hour = two_digits(at + 11),
                      .minute = two_digits(at + 14),
                      .second = two_digits(at + 17)};
    if (!base::valid_date(t.year, t.month, t.day) || !valid_time(t)) return std::nullopt;
    TextScanner in(text.substr(kFixed.size()));
    std::uint32_t nanos = 0;
    int offset = 0;
    bool const read =
        (!in.take('.') || in.take_fraction(nanos)) && take_offset(in, offset) && in.done();
    if (!read) return std::nullopt;
    return at_offset(t, nanos, offset);
}

std::optional<Instant> parse_digits(std::string_view text) {
    std::int64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.front() == '-')
        return std::nullopt;
    switch (text.size()) {
        case 10:
            return Instant{value, 0};
        case 13:
            return Instant::from_millis(value);
        case 19:
            return Instant{value / 1'000'000'000,
                           static_cast<std::uint32_t>(value % 1'000'000'000)};
        default:
            return std::nullopt;
    }
}

/// Monday of the first ISO week, as days since 1970: the week that holds January 4th.
std::int64_t first_iso_monday(std::int64_t year) {
    constexpr std::int64_t kDay = 86'400;
    std::int64_t const fourth = base::from_civil({.year = year, .month = 1, .day = 4}) / kDay;
    // 1970-01-01 was a Thursday, day 3 of a week that starts on Monday.
    return fourth - (((fourth + 3) % 7) + 7) % 7;
}

/// The rest of an ISO date after its year: `-MM-DD`, `-DDD`, `-Www-D`, or the same without hyphens.
bool take_iso_day(TextScanner& in, CivilTime& t, bool& extended) {
    constexpr std::int64_t kDay = 86'400;
    std::int64_t const new_year = base::from_civil({.year = t.year});
    extended = in.take('-');
    std::int64_t days = 0;
    if (in.take('W')) {
        int week = 0;
        int weekday = 0;
        if (!in.take_number(2, 2, week) || in.take('-') != extended ||
            !in.take_number(1, 1, weekday))
            return false;
        if (week < 1 || week > 53 || weekday < 1 || weekday > 7) return false;
        std::int64_t const monday = first_iso_monday(t.year);
        days = monday + (week - 1) * 7 + weekday - 1;
        if (week == 53 && monday + 52 * 7 >= first_iso_monday(t.year + 1)) return false;
    } else {
        std::size_t const start = in.position();
        int digits = 0;
        int number = 0;
        in.take_number(1, 4, number, &digits);
        if (digits == 3) {
            bool const leap = base::valid_date(t.year, 2, 29);
            if (number < 1 || number > (leap ? 366 : 365)) return false;
            days = new_year / kDay + number - 1;
        } else {
            in.rewind(start);
            return in.take_number(2, 2, t.month) && (!extended || in.take('-')) &&
                   in.take_number(2, 2, t.day) && base::valid_date(t.year, t.month, t.day);
        }
    }
    CivilTime const found = base::to_civil(days * kDay);
    t.year = found.year;
    t.month = found.month;
    t.day = found.day;
    return true;
}

/// `HH[:MM[:SS[.f]]]`, or without colons.
bool take_iso_time(TextScanner& in, CivilTime& t, std::uint32_t& nanos, bool extended) {
    if (!in.take_number(2, 2, t.hour)) return false;
    auto const more = [&](int& field) {
        return (!extended || in.take(':')) && in.take_number(2, 2, field);
    };
    bool const again = in.peek() == ':' || (in.peek() >= '0' && in.peek() <= '9');
    if (again) {
        if (!more(t.minute)) return false;
        if (in.peek() == ':' || (in.peek() >= '0' && in.peek() <= '9')) {
            if (!more(t.second)) return false;
            if (in.take_any(".,") && !in.take_fraction(nanos)) return false;
        }
    }
    return valid_time(t);
}

}  // namespace

std::optional<Instant> parse_event_timestamp(std::string_view text, Instant now) {
    if (auto const strict = parse_rfc3339(text)) return strict;
    if (text.empty()) return std::nullopt;
    if (auto const counted = parse_digits(text)) return counted;
    return parse_loose_date(text, now);
}

std::optional<model::SentAt> parse_sent_at(std::string_view text) {
    TextScanner in(text);
    CivilTime t;
    std::uint32_t nanos = 0;
    int offset = 0;
    bool extended = false;
    bool const read = take_year(in, t.year) && take_iso_day(in, t, extended) && in.take_any("Tt") &&
                      take_iso_time(in, t, nanos, extended) && take_offset(in, offset) && in.done();
    if (!read || t.year < 0 || t.year > 9999) return std::nullopt;
    return model::SentAt{at_offset(t, nanos, offset), static_cast<std::int16_t>(offset)};
}

}  // namespace capture::parse
