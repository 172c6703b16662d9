#include "route/record.h"

#include <gtest/gtest.h>

#include <vector>

namespace capture::route {
namespace {

model::RequestFacts facts() {
    return {.token = "phc_abc",
            .ip = "203.0.113.7",
            .now = {1788264000, 123'456'789},
            .sent_at = std::nullopt};
}

model::Event signup() {
    model::Event event;
    event.name = "signup";
    event.distinct_id = "u1";
    event.ip = "203.0.113.7";
    event.uuid = *base::Uuid::parse("0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d");
    event.timestamp = {1788263998, 250'000'000};
    event.data.token = R"("phc_abc")";
    event.data.distinct_id = R"("u1")";
    event.data.event = R"("signup")";
    event.data.properties = R"({"plan":"pro"})";
    return event;
}

std::string value_of(const model::Event& event, const model::RequestFacts& request) {
    base::StringWriter out;
    write_value(out, event, RequestTexts(request));
    return out.take();
}

TEST(Record, WritesTheFieldsInTheirFixedOrder) {
    EXPECT_EQ(
        value_of(signup(), facts()),
        R"({"uuid":"0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d","distinct_id":"u1","ip":"203.0.113.7",)"
        R"("data":"{\"token\":\"phc_abc\",\"distinct_id\":\"u1\",\"uuid\":null,\"event\":\"signup\",)"
        R"(\"properties\":{\"plan\":\"pro\"}}","now":"2026-09-01T12:00:00.123456789Z","token":"phc_abc",)"
        R"("event":"signup","timestamp":"2026-09-01T11:59:58.250Z"})");
}

TEST(Record, WritesASnapshotOfMembersAndItems) {
    std::string_view const members[] = {R"("distinct_id":"u")", R"("$lib":"a\"b")"};
    std::string_view const texts[] = {R"({"a":1} , 2)", "3"};
    std::span<const std::string_view> items(texts);
    model::Event event = signup();
    event.data = {};
    event.data.event = R"("$snapshot_items")";
    event.data.members = members;
    event.data.items = &items;
    event.data.edited = true;
    EXPECT_NE(
        value_of(event, facts())
            .find(
                R"("data":"{\"event\":\"$snapshot_items\",\"properties\":{\"distinct_id\":\"u\",\"$lib\":\"a\\\"b\",)"
                R"(\"$snapshot_items\":[{\"a\":1} , 2,3]}}","now")"),
        std::string::npos);
    items = {};
    EXPECT_NE(value_of(event, facts()).find(R"(\"$snapshot_items\":[]}}")"), std::string::npos);
}

TEST(Record, WritesOptionalFieldsOnlyWhenTheyAreThere) {
    model::RequestFacts request = facts();
    request.sent_at = model::SentAt{{1788264000, 500'000'000}, 120};
    model::Event event = signup();
    event.kind = model::EventKind::AnalyticsHistorical;
    event.cookieless = true;
    event.data.uuid = event.uuid;
    event.data.timestamp = R"("2026-09-01")";
    event.data.offset = "5";
    event.data.set = R"({"a":1})";
    event.data.set_once = R"({"b":"\n"})";
    std::string const value = value_of(event, request);
    EXPECT_NE(value.find(R"(\"uuid\":\"0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d\",\"event\")"),
              std::string::npos);
    EXPECT_NE(
        value.find(
            R"(},\"timestamp\":\"2026-09-01\",\"offset\":5,\"$set\":{\"a\":1},\"$set_once\":{\"b\":\"\\n\"}}")"),
        std::string::npos);
    EXPECT_NE(value.find(R"("sent_at":"2026-09-01T14:00:00.5+02:00")"), std::string::npos);
    EXPECT_TRUE(value.ends_with(R"(Z","is_cookieless_mode":true,"historical_migration":true})"));
}

TEST(Record, WritesEditedAndMissingProperties) {
    model::Event event = signup();
    event.data.edited = true;
    std::vector<std::string_view> const members{R"("a":1)", R"("b":"x")"};
    event.data.members = members;
    EXPECT_NE(value_of(event, facts()).find(R"(\"properties\":{\"a\":1,\"b\":\"x\"}})"),
              std::string::npos);
    event.data.edited = false;
    event.data.properties = {};
    EXPECT_NE(value_of(event, facts()).find(R"(\"properties\":{}})"), std::string::npos);
}

TEST(Record, CarriesNineHeadersThreeOfThemUsuallyNull) {
    model::RequestFacts const request = facts();
    RequestTexts const texts(request);
    model::HeaderList headers;
    model::Event const event = signup();
    fill_headers(headers, event, {}, texts, {});
    std::vector<std::pair<std::string, std::string>> seen;
    for (auto const& header : headers)
        seen.emplace_back(header.name, header.value.value_or("(null)"));
    EXPECT_EQ(seen, (std::vector<std::pair<std::string, std::string>>{
                        {"token", "phc_abc"},
                        {"distinct_id", "u1"},
                        {"session_id", "(null)"},
                        {"timestamp", "1788263998250"},
                        {"event", "signup"},
                        {"uuid", "0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d"},
                        {"now", "2026-09-01T12:00:00.123456789Z"},
                        {"force_disable_person_processing", "(null)"},
                        {"historical_migration", "(null)"},
                    }));
}

TEST(Record, TheTimestampHeaderIsMillisecondsInAnyYear) {
    model::RequestFacts const request = facts();
    RequestTexts const texts(request);
    model::Event event = signup();
    for (base::Instant const at :
         {base::Instant{-62'167'219'200, 0}, base::Instant{-1, 999'000'000}, base::Instant{0, 0},
          base::Instant{0, 7'000'000}, base::Instant{1, 7'999'999}, base::Instant{9, 45'000'000},
          base::Instant{4'294'967'295, 999'999'999}, base::Instant{4'294'967'296, 0},
          base::Instant{253'402'300'799, 999'000'000}}) {
        event.timestamp = at;
        model::HeaderList headers;
        fill_headers(headers, event, {}, texts, {});
        EXPECT_EQ(headers.begin()[3].value, std::to_string(at.millis()));
    }
}

TEST(Record, DeadLetteredRecordsSayWhyWhereAndWhen) {
    model::RequestFacts const request = facts();
    RequestTexts const texts(request);
    model::HeaderList headers;
    model::Event event = signup();
    event.skip_heatmap_processing = true;
    fill_headers(headers, event,
                 {.person_processing_off = true, .dlq = true, .dlq_reason = "event_restriction"},
                 texts, {1788264000, 0});
    std::string all;
    for (auto const& header : headers)
        all += std::string(header.name) + "=" + std::string(header.value.value_or("")) + ";";
    EXPECT_NE(all.find("force_disable_person_processing=true;historical_migration=;skip_heatmap_"
                       "processing=true;"
                       "dlq_reason=event_restriction;dlq_step=capture;dlq_timestamp=2026-09-01T12:"
                       "00:00.000Z;"),
              std::string::npos);
}

TEST(Record, KeysAreTokenAndIdOrAddressOrSessionOrNull) {
    std::pmr::string scratch;
    model::Event event = signup();
    event.session_id = "s";
    EXPECT_EQ(record_key(event, model::KeyKind::Event, "t", scratch), "t:u1");
    event.cookieless = true;
    EXPECT_EQ(record_key(event, model::KeyKind::Event, "t", scratch), "t:203.0.113.7");
    EXPECT_EQ(record_key(event, model::KeyKind::SessionId, "t", scratch), "s");
    EXPECT_EQ(record_key(event, model::KeyKind::Null, "t", scratch), std::nullopt);
}

TEST(Record, AKeyIsAsLongAsItsParts) {
    model::Event event = signup();
    std::pmr::string scratch;  // kept, as a worker keeps it, and longer at every step
    for (std::size_t length = 1; length < 100; ++length) {
        std::string const id(length, 'u');
        event.distinct_id = id;
        EXPECT_EQ(event_key(event, "t", scratch), "t:" + id);
    }
}

}  // namespace
}  // namespace capture::route
