#include "parse/replay/processor.h"

#include <gtest/gtest.h>

#include <string>

#include "parse/replay/reader.h"
#include "parse/replay/session_id.h"

namespace capture::parse::replay {
namespace {

/// 2026-07-01T12:00:00.5Z
constexpr base::Instant kNow{1'782'907'200, 500'000'000};

struct ReplayFixture : ::testing::Test {
    base::Budget budget{std::size_t{1} << 30, std::size_t{1} << 30};
    telemetry::Registry registry{"test", "recordings"};
    Probe probe{registry};
    model::DecodedBody body;
    base::Arena arena;
    Reader reader;
    Processor processor{probe};
    model::EventBatch batch;
    model::Event event;

    /// The body of the refusal, or `ok`.
    std::string read(std::string_view text) {
        body.text = base::Buffer();
        EXPECT_TRUE(body.text.append(text));
        auto done = reader.read(body, arena, &budget);
        if (!done) return model::body_text(done.error());
        batch = std::move(*done);
        return "ok";
    }
    /// Code and detail of what is wrong, else `data`.
    std::string make(std::string_view text, std::string_view user_agent = {}) {
        EXPECT_EQ(read(text), "ok");
        event = {};
        model::RequestFacts const facts{"phc_test", "203.0.113.7", kNow,
                                        batch.events.front().facts.snapshot->sent_at};
        auto done = processor.describe(batch, facts, user_agent, arena, event);
        if (done) done = Processor::collect_items(batch, arena, event);
        if (done) return data_text();
        std::string const detail = done.error().detail;
        return model::info(done.error().code).tag + (detail.empty() ? "" : ":" + detail);
    }
    std::string data_text() const {
        std::string out = "{\"event\":" + std::string(event.data.event) + ",\"properties\":{";
        auto const join = [&out](std::span<const std::string_view> texts) {
            for (std::size_t i = 0; i < texts.size(); ++i)
                out.append(i ? "," : "").append(texts[i]);
        };
        join(event.data.members);
        out += ",\"$snapshot_items\":[";
        join(*event.data.items);
        out += "]}}";
        EXPECT_EQ(model::data_size(event.data), out.size());
        return out;
    }
};

TEST_F(ReplayFixture, MakesOneEventOfTheFirstOnesMetadataAndAllItems) {
    EXPECT_EQ(
        make(
            R"([{"event":"$snapshot","distinct_id":"u","properties":{"$session_id":"s-1","$window_id":[7],"$snapshot_host":"h","$lib":"ios","$snapshot_source":"mobile","$snapshot_data":[ {"a":1} , 2 ]}},)"
            R"({"event":"x","properties":{"$session_id":"other","$snapshot_data":{"b": 2}}},{"event":"y","properties":{"$snapshot_data":[]}}])"),
        R"({"event":"$snapshot_items","properties":{"distinct_id":"u","$session_id":"s-1","$window_id":[7],"$snapshot_source":"mobile","$lib":"ios","$snapshot_host":"h","$snapshot_items":[{"a":1} , 2,{"b": 2}]}})");
    EXPECT_EQ(event.kind, model::EventKind::Snapshot);
    EXPECT_EQ(event.name, "$snapshot_items");
    EXPECT_EQ(event.session_id, "s-1");
    EXPECT_EQ(event.timestamp, kNow);
    EXPECT_EQ(event.uuid.version(), 7);
    EXPECT_EQ(event.uuid.v7_millis(), static_cast<std::uint64_t>(kNow.millis()));
}

TEST_F(ReplayFixture, ItemsAreViewsOfTheText) {
    make(
        R"({"event":"e","distinct_id":"u","properties":{"$session_id":"s","$snapshot_data":[1]}})");
    ASSERT_EQ(event.data.items->size(), 1u);
    const char* const item = event.data.items->front().data();
    EXPECT_TRUE(item >= body.text.data() && item < body.text.data() + body.text.size());
}

TEST_F(ReplayFixture, ToldWhyItRefuses) {
    EXPECT_EQ(make(R"({"event":"e"})"), "no_distinct_id");
    EXPECT_EQ(make(R"({"event":"e","distinct_id":"u"})"), "no_session_id");
    auto const with = [this](std::string_view properties) {
        return make(R"({"event":"e","distinct_id":"u","properties":{)" + std::string(properties) +
                    "}}");
    };
    EXPECT_EQ(with(R"("$session_id":5)"), "invalid_session:not_a_string");
    EXPECT_FALSE(event.session_id);
    EXPECT_EQ(with(R"("$session_id":"a b")"), "invalid_session:invalid_charset");
    EXPECT_EQ(event.session_id->size(), 3u);
    EXPECT_EQ(with("\"$session_id\":\"" + std::string(71, 'a') + "\""), "invalid_session:too_long");
    EXPECT_EQ(event.session_id->size(), 71u);
    EXPECT_EQ(with(R"("$session_id":"s")"), "no_snapshot:absent");
    EXPECT_EQ(with(R"("$session_id":"s","$snapshot_data":"[]")"), "no_snapshot:wrong_json_type");
}

TEST_F(ReplayFixture, AnEmptySessionIdIsOne) {
    make(R"({"event":"e","distinct_id":"u","properties":{"$session_id":"","$snapshot_data":[]}})");
    EXPECT_EQ(event.session_id, "");
}

TEST_F(ReplayFixture, TheFirstEventSaysWhetherAllAreMobile) {
    ASSERT_EQ(
        read(
            R"([{"event":"a","properties":{"$snapshot_source":"mobile"}},{"event":"b","properties":{"$snapshot_source":"web"}}])"),
        "ok");
    EXPECT_TRUE(batch.events[0].facts.mobile && batch.events[1].facts.mobile);
    ASSERT_EQ(read(R"([{"event":"a"},{"event":"b","properties":{"$snapshot_source":"mobile"}}])"),
              "ok");
    EXPECT_FALSE(batch.events[0].facts.mobile || batch.events[1].facts.mobile);
}

TEST_F(ReplayFixture, ABudgetThatIsUsedUpIsNoSyntaxError) {
    base::Budget small(10, 10);
    base::Arena own;
    for (std::string_view const text : {R"({"event":"e"})", R"([{"event":"e"},{"event":"f"}])"}) {
        body.text = base::Buffer();
        ASSERT_TRUE(body.text.append(text));
        auto const done = reader.read(body, own, &small);
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, model::Code::ServiceUnavailable);
    }
}

TEST_F(ReplayFixture, EventsAreChargedUntilTheBatchGoes) {
    ASSERT_EQ(read(R"([{"event":"e"},{"event":"f"}])"), "ok");
    EXPECT_GE(budget.used(), 2 * (sizeof(model::ParsedEvent) + sizeof(model::SnapshotFacts)));
    batch = {};
    EXPECT_EQ(budget.used(), 0u);
}

TEST(SessionId, IsUpTo70LettersDigitsAndHyphens) {
    EXPECT_EQ(session_id_problem(""), nullptr);
    EXPECT_EQ(session_id_problem("AZaz09-"), nullptr);
    EXPECT_EQ(session_id_problem(std::string(70, 'z')), nullptr);
    EXPECT_STREQ(session_id_problem(std::string(71, 'z')), "too_long");
    EXPECT_STREQ(session_id_problem(std::string(71, '_')), "too_long");
    for (int c = 0; c < 256; ++c) {
        char const text = static_cast<char>(c);
        bool const fine =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
        EXPECT_EQ(session_id_problem({&text, 1}) == nullptr, fine) << c;
    }
}

TEST(Library, IsTheProductOfOurUserAgents) {
    EXPECT_EQ(library_of("posthog-android/1.0.4"), "posthog-android");
    EXPECT_EQ(library_of("posthog-flutter"), "posthog-flutter");
    EXPECT_EQ(library_of("Mozilla/5.0 posthog"), "web");
    EXPECT_EQ(library_of(""), "web");
    EXPECT_EQ(library_of("posthog\xff/1"), "web");
}

}  // namespace
}  // namespace capture::parse::replay
