#include "base/time.h"

#include <array>
#include <cstring>
#include <limits>

namespace capture::base {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    std::int64_t const q = a / b;
    return q - ((a % b != 0) && ((a < 0) != (b < 0)));
}

constexpr auto kTwoDigits = [] {
    std::array<std::array<char, 2>, 100> digits{};
    for (std::size_t i = 0; i < digits.size(); ++i)
        digits[i] = {static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
    return digits;
}();

/// Below 100.
char* put_two(char* out, std::uint32_t value) {
    std::memcpy(out, kTwoDigits[value].data(), 2);
    return out + 2;
}

char* put_digits(char* out, std::uint32_t value, int width) {
    int left = width;
    for (; left >= 2; left -= 2) {
        put_two(out + left - 2, value % 100);
        value /= 100;
    }
    if (left == 1) *out = static_cast<char>('0' + value % 10);
    return out + width;
}

int fraction_digits(std::uint32_t nanos, Fraction fraction) {
    switch (fraction) {
        case Fraction::Millis:
            return 3;
        case Fraction::Micros:
            return 6;
        case Fraction::Groups:
            if (nanos == 0) return 0;
            return nanos % 1'000'000 == 0 ? 3 : nanos % 1'000 == 0 ? 6 : 9;
        case Fraction::Trimmed:
            break;
    }
    if (nanos == 0) return 0;
    int digits = 9;
    for (; nanos % 10 == 0; nanos /= 10)
        --digits;
    return digits;
}

/// The date as it stands in front of the time of day.
struct DateText {
    static constexpr std::size_t kSize = 11;

    std::int64_t day = std::numeric_limits<std::int64_t>::min();  ///< since 1970
    char text[kSize]{};
};

DateText date_text(std::int64_t day) {
    CivilTime const civil = to_civil(day * kSecondsPerDay);
    DateText date{.day = day};
    char* p = put_digits(date.text, static_cast<std::uint32_t>(civil.year), 4);
    *p++ = '-';
    p = put_two(p, static_cast<std::uint32_t>(civil.month));
    *p++ = '-';
    p = put_two(p, static_cast<std::uint32_t>(civil.day));
    *p = 'T';
    return date;
}

}  // namespace

Instant Instant::from_millis(std::int64_t ms) {
    std::int64_t const rest = ms % 1000;
    return {floor_div(ms, 1000),
            static_cast<std::uint32_t>(rest < 0 ? rest + 1000 : rest) * 1'000'000};
}

Instant Instant::plus_millis(std::int64_t ms) const {
    Instant const delta = from_millis(ms);
    std::uint32_t const sum = nanos + delta.nanos;
    return {seconds + delta.seconds + (sum >= 1'000'000'000), sum % 1'000'000'000};
}

std::int64_t Instant::millis_since(const Instant& other) const {
    __int128 const diff =
        (static_cast<__int128>(seconds) - other.seconds) * 1'000'000'000 +
        (static_cast<std::int64_t>(nanos) - static_cast<std::int64_t>(other.nanos));
    __int128 const ms = diff / 1'000'000;
    constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
    if (ms > kMax) return kMax;
    if (ms < -static_cast<__int128>(kMax)) return -kMax;
    return static_cast<std::int64_t>(ms);
}

// Days ↔ civil date after the well-known era decomposition (400 Gregorian years are 146,097 days).
CivilTime to_civil(std::int64_t unix_seconds) {
    std::int64_t const days = floor_div(unix_seconds, kSecondsPerDay);
    std::int64_t const rest = unix_seconds - days * kSecondsPerDay;
    std::int64_t const z = days + 719'468;
    std::int64_t const era = floor_div(z, 146'097);
    std::int64_t const day_of_era = z - era * 146'097;
    std::int64_t const year_of_era =
        (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    std::int64_t const day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    std::int64_t const month_index = (5 * day_of_year + 2) / 153;
    CivilTime civil;
    civil.day = static_cast<int>(day_of_year - (153 * month_index + 2) / 5 + 1);
    civil.month = static_cast<int>(month_index < 10 ? month_index + 3 : month_index - 9);
    civil.year = year_of_era + era * 400 + (civil.month <= 2);
    civil.hour = static_cast<int>(rest / 3600);
    civil.minute = static_cast<int>(rest / 60 % 60);
    civil.second = static_cast<int>(rest % 60);
    return civil;
}

std::int64_t from_civil(const CivilTime& civil) {
    std::int64_t const year = civil.year - (civil.month <= 2);
    std::int64_t const era = floor_div(year, 400);
    std::int64_t const year_of_era = year - era * 400;
    std::int64_t const day_of_year =
        (153 * (civil.month > 2 ? civil.month - 3 : civil.month + 9) + 2) / 5 + civil.day - 1;
    std::int64_t const day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    std::int64_t const days = era * 146'097 + day_of_era - 719'468;
    return days * kSecondsPerDay + civil.hour * 3600 + civil.minute * 60 + civil.second;
}

bool valid_date(std::int64_t year, int month, int day) {
    static constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1) return false;
    bool const leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= kDays[static_cast<std::size_t>(month - 1)] + (month == 2 && leap);
}

std::string_view format_rfc3339(Instant at, Fraction fraction, char* out, int offset_minutes) {
    std::int64_t const local = at.seconds + offset_minutes * 60LL;
    std::int64_t const day = floor_div(local, kSecondsPerDay);
    auto const second = static_cast<std::uint32_t>(local - day * kSecondsPerDay);
    // The dates of today and of some days around it serve most of what a thread writes.
    thread_local constinit std::array<DateText, 4> dates{};
    DateText& date = dates[static_cast<std::size_t>(day) % dates.size()];
    if (date.day != day) date = date_text(day);
    std::memcpy(out, date.text, DateText::kSize);
    char* p = put_two(out + DateText::kSize, second / 3600);
    *p++ = ':';
    p = put_two(p, second / 60 % 60);
    *p++ = ':';
    p = put_two(p, second % 60);
    if (int const digits = fraction_digits(at.nanos, fraction); digits > 0) {
        *p++ = '.';
        std::uint32_t value = at.nanos;
        int missing = 9 - digits;
        for (; missing >= 3; missing -= 3)
            value /= 1000;
        for (; missing > 0; --missing)
            value /= 10;
        p = put_digits(p, value, digits);
    }
    if (offset_minutes == 0) {
        *p++ = 'Z';
    } else {
        *p++ = offset_minutes < 0 ? '-' : '+';
        int const minutes = offset_minutes < 0 ? -offset_minutes : offset_minutes;
        p = put_two(p, static_cast<std::uint32_t>(minutes / 60));
        *p++ = ':';
        p = put_two(p, static_cast<std::uint32_t>(minutes % 60));
    }
    return {out, static_cast<std::size_t>(p - out)};
}

}  // namespace capture::base
