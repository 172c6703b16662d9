#include "parse/timestamp.h"

#include <gtest/gtest.h>

#include <string>

namespace capture::parse {
namespace {

/// 2026-07-01T12:34:56.789Z
constexpr base::Instant kNow{1'782'909'296, 789'000'000};

std::string text_of(std::optional<base::Instant> at) {
    if (!at) return "none";
    char buffer[base::kMaxInstantText];
    return std::string(base::format_rfc3339(*at, base::Fraction::Trimmed, buffer));
}
std::string event_time(std::string_view text) {
    return text_of(parse_event_timestamp(text, kNow));
}

TEST(EventTimestamp, ReadsRfc3339) {
    EXPECT_EQ(event_time("2026-07-01T11:22:33Z"), "2026-07-01T11:22:33Z");
    EXPECT_EQ(event_time("2026-07-01t11:22:33z"), "2026-07-01T11:22:33Z");
    EXPECT_EQ(event_time("2026-07-01 11:22:33Z"), "2026-07-01T11:22:33Z");
    EXPECT_EQ(event_time("2026-07-01T11:22:33.5+02:00"), "2026-07-01T09:22:33.5Z");
    EXPECT_EQ(event_time("2026-07-01T11:22:33.123456789123-05:30"),
              "2026-07-01T16:52:33.123456789Z");
    EXPECT_EQ(event_time("2024-02-29T23:59:60Z"), "2024-03-01T00:00:00Z");
    EXPECT_EQ(event_time("0000-01-01T00:00:00Z"), "0000-01-01T00:00:00Z");
}

TEST(EventTimestamp, CompletesATwoDigitZone) {
    EXPECT_EQ(event_time("2026-07-01T11:22:33+02"), "2026-07-01T09:22:33Z");
    EXPECT_EQ(event_time("2026-07-01T11:22:33.25-07"), "2026-07-01T18:22:33.25Z");
}

TEST(EventTimestamp, ReadsCountsSince1970) {
    EXPECT_EQ(event_time("1511648546"), "2017-11-25T22:22:26Z");
    EXPECT_EQ(event_time("1620021848429"), "2021-05-03T06:04:08.429Z");
    EXPECT_EQ(event_time("1620024872717915000"), "2021-05-03T06:54:32.717915Z");
}

TEST(EventTimestamp, ReadsDateTimesWithoutAZoneAsUtc) {
    EXPECT_EQ(event_time("2026-07-01T11:22:33"), "2026-07-01T11:22:33Z");
    EXPECT_EQ(event_time("2026-07-01T11:22:33.5"), "2026-07-01T11:22:33.5Z");
    EXPECT_EQ(event_time("2021-04-30 21:14"), "2021-04-30T21:14:00Z");
    EXPECT_EQ(event_time("2021-04-30 21:14:10"), "2021-04-30T21:14:10Z");
    EXPECT_EQ(event_time("2021-04-30 21:14:10.052282"), "2021-04-30T21:14:10.052282Z");
    EXPECT_EQ(event_time("2014-04-26 05:24:37 PM"), "2014-04-26T17:24:37Z");
    EXPECT_EQ(event_time("2014-04-26 12:24 am"), "2014-04-26T00:24:00Z");
}

TEST(EventTimestamp, ReadsZonesOfManyKinds) {
    EXPECT_EQ(event_time("2021-04-30 21:14:10-08"), "2021-05-01T05:14:10Z");
    EXPECT_EQ(event_time("2019-11-29 08:08-08"), "2019-11-29T16:08:00Z");
    EXPECT_EQ(event_time("2017-11-25 13:31:15 PST"), "2017-11-25T21:31:15Z");
    EXPECT_EQ(event_time("2014-12-16 06:20:00 UTC"), "2014-12-16T06:20:00Z");
    EXPECT_EQ(event_time("2014-12-16 06:20:00 GMT"), "2014-12-16T06:20:00Z");
    EXPECT_EQ(event_time("2014-04-26 13:13:43 +0800"), "2014-04-26T05:13:43Z");
    EXPECT_EQ(event_time("2014-04-26 13:13:44 +09:00"), "2014-04-26T04:13:44Z");
    EXPECT_EQ(event_time("2014-04-26 1:13 PM EDT"), "2014-04-26T17:13:00Z");
}

TEST(EventTimestamp, ReadsRfc2822) {
    EXPECT_EQ(event_time("Wed, 02 Jun 2021 06:31:39 GMT"), "2021-06-02T06:31:39Z");
    EXPECT_EQ(event_time("Wed, 2 Jun 2021 06:31:39 -0700"), "2021-06-02T13:31:39Z");
    EXPECT_EQ(event_time("02 Jun 2021 06:31 +0100"), "2021-06-02T05:31:00Z");
}

TEST(EventTimestamp, ReadsSlashesAndDots) {
    EXPECT_EQ(event_time("2014/4/8 22:05"), "2014-04-08T22:05:00Z");
    EXPECT_EQ(event_time("4/8/2014 22:05"), "2014-04-08T22:05:00Z");
    EXPECT_EQ(event_time("04/08/14 22:05:30.5"), "2014-04-08T22:05:30.5Z");
    EXPECT_EQ(event_time("8/8/71 01:00:01 PM"), "1971-08-08T13:00:01Z");
    EXPECT_EQ(event_time("3.31.2014 1:02"), "2014-03-31T01:02:00Z");
    EXPECT_EQ(event_time("2014.03.30 1:02"), "2014-03-30T01:02:00Z");
}

TEST(EventTimestamp, ReadsMonthNames) {
    EXPECT_EQ(event_time("May 8, 2009 5:57:51 PM"), "2009-05-08T17:57:51Z");
    EXPECT_EQ(event_time("September 17, 2012 10:09am"), "2012-09-17T10:09:00Z");
    EXPECT_EQ(event_time("September 17, 2012, 10:10:09"), "2012-09-17T10:10:09Z");
    EXPECT_EQ(event_time("September 17, 2012 at 10:09am PST"), "2012-09-17T18:09:00Z");
    EXPECT_EQ(event_time("sept. 17, 2012 10:09"), "2012-09-17T10:09:00Z");
    EXPECT_EQ(event_time("12 Feb 2006, 19:17"), "2006-02-12T19:17:00Z");
    EXPECT_EQ(event_time("14 May 2019 19:11:40.164"), "2019-05-14T19:11:40.164Z");
    EXPECT_EQ(event_time("2021-Feb-21 01:02"), "2021-02-21T01:02:00Z");
}

TEST(EventTimestamp, DatesTakeTheTimeOfDayOfNow) {
    for (std::string_view const text :
         {"2021-02-21", "2021/2/21", "2/21/2021", "02.21.2021", "2021.02.21", "Feb 21, 2021",
          "feb. 21, 21", "21 February 2021", "2021-Feb-21", "2021-02-21 UTC"}) {
        EXPECT_EQ(event_time(text), "2021-02-21T12:34:56.789Z") << text;
    }
    EXPECT_EQ(event_time("2020-07-20+08:00"), "2020-07-20T12:34:56.789Z");
    EXPECT_EQ(event_time("2014.03"), "2014-03-01T12:34:56.789Z");
}

std::string sent(std::string_view text) {
    auto const at = parse_sent_at(text);
    if (!at) return "none";
    char buffer[base::kMaxInstantText];
    return std::string(
        base::format_rfc3339(at->at, base::Fraction::Trimmed, buffer, at->offset_minutes));
}

TEST(SentAt, ReadsTheExtendedForm) {
    EXPECT_EQ(sent("2026-07-01T11:22:33Z"), "2026-07-01T11:22:33Z");
    EXPECT_EQ(sent("2026-07-01T11:22:33.120+02:00"), "2026-07-01T11:22:33.12+02:00");
    EXPECT_EQ(sent("2026-07-01T11:22:33,5-0330"), "2026-07-01T11:22:33.5-03:30");
    EXPECT_EQ(sent("2026-07-01T11:22:33+02"), "2026-07-01T11:22:33+02:00");
    EXPECT_EQ(sent("2026-07-01T11:22Z"), "2026-07-01T11:22:00Z");
    EXPECT_EQ(sent("2026-07-01T11Z"), "2026-07-01T11:00:00Z");
    EXPECT_EQ(sent("2026-07-01t11:22:33z"), "2026-07-01T11:22:33Z");
}

TEST(SentAt, ReadsTheBasicForm) {
    EXPECT_EQ(sent("20260701T112233Z"), "2026-07-01T11:22:33Z");
    EXPECT_EQ(sent("20260701T112233.25-0700"), "2026-07-01T11:22:33.25-07:00");
    EXPECT_EQ(sent("20260701T1122Z"), "2026-07-01T11:22:00Z");
}

TEST(SentAt, ReadsOrdinalAndWeekDates) {
    EXPECT_EQ(sent("2026-182T00:00:00Z"), "2026-07-01T00:00:00Z");
    EXPECT_EQ(sent("2024366T000000Z"), "2024-12-31T00:00:00Z");
    EXPECT_EQ(sent("2026-W27-3T00:00:00Z"), "2026-07-01T00:00:00Z");
    EXPECT_EQ(sent("2026W273T000000Z"), "2026-07-01T00:00:00Z");
    EXPECT_EQ(sent("2020-W53-7T00:00:00Z"), "2021-01-03T00:00:00Z");
    EXPECT_EQ(sent("2025-W01-1T00:00:00Z"), "2024-12-30T00:00:00Z");
}

}  // namespace
}  // namespace capture::parse
