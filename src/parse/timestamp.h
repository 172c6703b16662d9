// Client-made times as text. Pure functions; contract 10 §10.3 and §7.1.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"
#include "model/event.h"

namespace capture::parse {

/// An event's `timestamp`: RFC 3339 (also with a zone of two digits only), else one of many looser
/// forms:
///
///   1511648546 · 1620021848429 · 1620024872717915000            seconds, milliseconds, nanoseconds
///   since 1970 Wed, 02 Jun 2021 06:31:39 GMT                               RFC 2822
///   2021-05-01T01:17:02.6                                       no zone: UTC
///   2021-05-02 [23:31[:36.07]] [PM] [zone]                      zone: Z, UTC, GMT, PST …, ±hh,
///   ±hhmm, ±hh:mm 2021/5/2 · 5/2/2021 · 5.2.2021 [time]                       slashes and dots:
///   month before day May 8, 2009 [5:57:51 PM] · 12 Feb 2006[, 19:17]             months by name or
///   its first three letters
///
/// A date alone takes the time of day of `now`; a time without a zone is UTC. Nothing for any other
/// text. Years before 0 and after 9999 cannot be written, but offsets from UTC may lead there.
std::optional<base::Instant> parse_event_timestamp(std::string_view text, base::Instant now);

/// A batch's `sent_at`: an ISO 8601 date and time with an offset, extended
/// (2026-07-01T11:00:00.5+02:00) or basic (20260701T110000Z) form, calendar, ordinal or week date.
/// Nothing for any other text.
std::optional<model::SentAt> parse_sent_at(std::string_view text);

}  // namespace capture::parse
