// Instants and their text forms. Pure functions; no clock is read here.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

namespace capture::base {

/// A point on the UTC time line, from year 0 to 9999 and beyond: seconds since 1970 plus 0 …
/// 999,999,999 nanoseconds.
struct Instant {
    std::int64_t seconds = 0;
    std::uint32_t nanos = 0;

    auto operator<=>(const Instant&) const = default;
    static Instant from_millis(std::int64_t ms);
    /// Rounded down.
    std::int64_t millis() const { return seconds * 1000 + nanos / 1'000'000; }
    Instant plus_millis(std::int64_t ms) const;
    /// this − other in milliseconds, rounded toward zero; saturates.
    std::int64_t millis_since(const Instant& other) const;
};

/// Calendar fields in UTC (proleptic Gregorian).
struct CivilTime {
    std::int64_t year = 1970;
    int month = 1, day = 1, hour = 0, minute = 0, second = 0;
};
CivilTime to_civil(std::int64_t unix_seconds);
/// Fields must be in range; days beyond the month's end are not checked.
std::int64_t from_civil(const CivilTime& civil);
bool valid_date(std::int64_t year, int month, int day);

/// How many fraction digits a text form shows.
enum class Fraction {
    Groups,   ///< 0, 3, 6 or 9: the shortest exact one (`now`, `timestamp`)
    Trimmed,  ///< 0 … 9 without trailing zeros (`sent_at`)
    Millis,   ///< exactly 3 (`dlq_timestamp`)
    Micros,   ///< exactly 6 (log lines)
};

/// Room for any RFC 3339 text written here.
inline constexpr std::size_t kMaxInstantText = 48;
/// RFC 3339 with `offset_minutes` east of UTC (`Z` when zero); writes into `out` (kMaxInstantText
/// bytes), returns the text. Years 0 … 9999.
std::string_view format_rfc3339(Instant at, Fraction fraction, char* out, int offset_minutes = 0);

}  // namespace capture::base
