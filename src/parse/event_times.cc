#include "parse/event_times.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "parse/timestamp.h"

namespace capture::parse {
namespace {

using base::Instant;

constexpr std::int64_t kMaxFutureMs = 23 * 3'600'000;

Instant minus(Instant a, std::int64_t seconds, std::int64_t nanos) {
    std::int64_t left = static_cast<std::int64_t>(a.nanos) - nanos;
    std::int64_t whole = a.seconds - seconds;
    if (left < 0) left += 1'000'000'000, --whole;
    if (left >= 1'000'000'000) left -= 1'000'000'000, ++whole;
    return {whole, static_cast<std::uint32_t>(left)};
}

double seconds_between(Instant a, Instant b) {
    return std::fabs(static_cast<double>(a.seconds - b.seconds) +
                     (static_cast<double>(a.nanos) - static_cast<double>(b.nanos)) * 1e-9);
}

bool printable_year(Instant at) {
    static const std::int64_t kFirst = base::from_civil({.year = 0});
    static const std::int64_t kEnd = base::from_civil({.year = 10'000});
    return at.seconds >= kFirst && at.seconds < kEnd;
}

}  // namespace

EventTimes::~EventTimes() {
    for (std::size_t i = 0; i < kTimestampPathCount; ++i) {
        if (paths_[i]) probe_.timestamp_path[i].add(paths_[i]);
    }
}

Instant EventTimes::of(const model::ParsedEvent& event, bool ignore_sent_at) {
    Instant const now = facts_.now;
    Instant at = now;
    TimestampPath path = TimestampPath::NowFallback;
    std::optional<Instant> const claimed =
        event.timestamp_json.empty() ? std::nullopt : parse_event_timestamp(event.timestamp, now);
    if (claimed && facts_.sent_at && !ignore_sent_at) {
        Instant const sent = facts_.sent_at->at;
        at = minus(*claimed, sent.seconds - now.seconds,
                   static_cast<std::int64_t>(sent.nanos) - static_cast<std::int64_t>(now.nanos));
        path = TimestampPath::SentAtSkew;
        probe_.clock_skew.observe(seconds_between(sent, now));
    } else if (claimed) {
        at = *claimed;
        path = TimestampPath::TimestampRaw;
    }
    if (event.offset) {
        // −offset has no value for the smallest one; a neighbour lands outside all years as well.
        at = now.plus_millis(-std::max(*event.offset, -std::numeric_limits<std::int64_t>::max()));
        path = TimestampPath::Offset;
    }
    if (at > now.plus_millis(kMaxFutureMs)) at = now;
    if (!printable_year(at)) at = Instant{};
    auto const index = static_cast<std::size_t>(path);
    ++paths_[index];
    if (event.uuid && event.uuid->version() == 7) {
        Instant const captured =
            Instant::from_millis(static_cast<std::int64_t>(event.uuid->v7_millis()));
        auto const& gaps = at < captured ? probe_.stored_earlier : probe_.stored_later;
        gaps[index].observe(seconds_between(at, captured));
    }
    return at;
}

}  // namespace capture::parse
