#include "parse/loose_date.h"

#include <array>
#include <cstdint>

#include "parse/text_scanner.h"

namespace capture::parse {
namespace {

using base::CivilTime;

bool same_letters(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if ((a[i] | 0x20) != (b[i] | 0x20)) return false;
    }
    return true;
}

constexpr std::array<std::string_view, 12> kMonths{"january",   "february", "march",    "april",
                                                   "may",       "june",     "july",     "august",
                                                   "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> kWeekdays{"mon", "tue", "wed", "thu",
                                                    "fri", "sat", "sun"};

struct Zone {
    std::string_view name;
    int minutes;
};
constexpr std::array<Zone, 12> kZones{{{"z", 0},
                                       {"ut", 0},
                                       {"utc", 0},
                                       {"gmt", 0},
                                       {"est", -300},
                                       {"edt", -240},
                                       {"cst", -360},
                                       {"cdt", -300},
                                       {"mst", -420},
                                       {"mdt", -360},
                                       {"pst", -480},
                                       {"pdt", -420}}};

/// The whole name or its first three letters (four for `sept`), perhaps with a full stop.
bool take_month(TextScanner& in, int& month) {
    std::string_view const word = in.take_letters();
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
        bool const abbreviated = word.size() == 3 || same_letters(word, "sept");
        if (same_letters(word, abbreviated ? kMonths[i].substr(0, word.size()) : kMonths[i])) {
            month = static_cast<int>(i) + 1;
            in.take('.');
            return true;
        }
    }
    return false;
}

/// Four digits, or two: 70 … 99 are the last century's.
bool take_year(TextScanner& in, std::int64_t& year) {
    int value = 0;
    int digits = 0;
    if (!in.take_number(2, 4, value, &digits) || digits == 3) return false;
    year = digits == 4 ? value : value + (value < 70 ? 2000 : 1900);
    return true;
}

/// `2021-05-02`, `2021-Feb-21`, `2021/5/2`, `2014.03.30`, `2014.03`.
bool take_year_first(TextScanner& in, CivilTime& t) {
    if (!take_year(in, t.year)) return false;
    char const separator = in.peek();
    if (!in.take_any("-/.")) return false;
    if (!in.take_number(1, 2, t.month) && (separator != '-' || !take_month(in, t.month)))
        return false;
    if (separator == '.' && in.done()) return true;
    return in.take(separator) && in.take_number(1, 2, t.day);
}

/// `5/2/2021`, `5.2.21`.
bool take_month_first(TextScanner& in, CivilTime& t) {
    char const separator = in.peek();
    return in.take_any("/.") && in.take_number(1, 2, t.day) && in.take(separator) &&
           take_year(in, t.year);
}

/// `12 Feb 2006` after its day.
bool take_day_month_year(TextScanner& in, CivilTime& t) {
    return in.take_blanks() && take_month(in, t.month) && (in.take(','), in.take_blanks()) &&
           take_year(in, t.year);
}

bool take_numeric_date(TextScanner& in, CivilTime& t) {
    std::size_t const start = in.position();
    int number = 0;
    int digits = 0;
    if (!in.take_number(1, 4, number, &digits)) return false;
    if (digits == 4) {
        in.rewind(start);
        return take_year_first(in, t);
    }
    if (digits > 2) return false;
    if (in.peek() == ' ') {
        t.day = number;
        return take_day_month_year(in, t);
    }
    t.month = number;
    return take_month_first(in, t);
}

/// `May 8, 2009`, or a weekday before `02 Jun 2021`.
bool take_named_date(TextScanner& in, CivilTime& t) {
    std::size_t const start = in.position();
    std::string_view const word = in.take_letters();
    for (std::string_view const weekday : kWeekdays) {
        if (!same_letters(word, weekday) || !in.take(',')) continue;
        in.take_blanks();
        return in.take_number(1, 2, t.day) && take_day_month_year(in, t);
    }
    in.rewind(start);
    if (!take_month(in, t.month) || !in.take_blanks() || !in.take_number(1, 2, t.day)) return false;
    bool const comma = in.take(',');
    return (in.take_blanks() || comma) && take_year(in, t.year);
}

/// What may stand between date and time.
bool take_gap(TextScanner& in) {
    if (in.take('T')) return true;
    bool const comma = in.take(',');
    bool const blanks = in.take_blanks();
    if (!blanks) return comma;
    std::size_t const start = in.position();
    if (in.take('a') && in.take('t') && in.take_blanks()) return true;
    in.rewind(start);
    return true;
}

/// `h:mm[:ss[.f]]` with AM or PM perhaps.
bool take_time(TextScanner& in, CivilTime& t, std::uint32_t& nanos) {
    if (!in.take_number(1, 2, t.hour) || !in.take(':') || !in.take_number(2, 2, t.minute))
        return false;
    if (in.take(':')) {
        if (!in.take_number(2, 2, t.second)) return false;
        if (in.take('.') && !in.take_fraction(nanos)) return false;
    }
    std::size_t const start = in.position();
    in.take_blanks();
    std::string_view const half = in.take_letters();
    bool const pm = same_letters(half, "pm");
    if (pm || same_letters(half, "am")) {
        if (t.hour < 1 || t.hour > 12) return false;
        t.hour = t.hour % 12 + (pm ? 12 : 0);
    } else {
        in.rewind(start);
    }
    return t.hour <= 23 && t.minute <= 59 && t.second <= 60;
}

bool take_zone(TextScanner& in, int& minutes) {
    in.take_blanks();
    bool const west = in.peek() == '-';
    if (in.take_any("+-")) {
        int hours = 0;
        int rest = 0;
        if (!in.take_number(2, 2, hours)) return false;
        bool const colon = in.take(':');
        if (!in.take_number(2, 2, rest) && colon) return false;
        minutes = (hours * 60 + rest) * (west ? -1 : 1);
        return hours <= 23 && rest <= 59;
    }
    std::string_view const word = in.take_letters();
    for (Zone const& zone : kZones) {
        if (!same_letters(word, zone.name)) continue;
        minutes = zone.minutes;
        return true;
    }
    return false;
}

}  // namespace

std::optional<base::Instant> parse_loose_date(std::string_view text, base::Instant now) {
    TextScanner in(text);
    in.take_blanks();
    CivilTime t;
    bool const numeric = in.peek() >= '0' && in.peek() <= '9';
    if (!(numeric ? take_numeric_date(in, t) : take_named_date(in, t))) return std::nullopt;
    if (!base::valid_date(t.year, t.month, t.day)) return std::nullopt;

    std::uint32_t nanos = 0;
    int zone = 0;
    std::size_t const after_date = in.position();
    bool const timed = take_gap(in) && in.peek() >= '0' && in.peek() <= '9';
    if (timed) {
        if (!take_time(in, t, nanos)) return std::nullopt;
    } else {
        in.rewind(after_date);
    }
    if (std::string_view const rest = in.rest(); rest.find_first_not_of(' ') != rest.npos) {
        if (!take_zone(in, zone)) return std::nullopt;
    }
    in.take_blanks();
    if (!in.done()) return std::nullopt;
    if (!timed) {
        CivilTime const clock = base::to_civil(now.seconds + zone * 60);
        t.hour = clock.hour;
        t.minute = clock.minute;
        t.second = clock.second;
        nanos = now.nanos;
    }
    return base::Instant{base::from_civil(t) - zone * 60, nanos};
}

}  // namespace capture::parse
