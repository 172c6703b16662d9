#include "limits/restrictions.h"

#include <gtest/gtest.h>

#include "limits/redis/memory_store.h"
#include "limits/testing.h"

namespace capture::limits {
namespace {

using testing::wait;
using enum RestrictionType;
using Pipeline = RestrictionPipeline;

std::expected<std::vector<Restriction>, std::string> parse(
    std::string_view json, RestrictionType type = DropEvent,
    config::Mode mode = config::Mode::Events) {
    std::size_t rejected = 0;
    return parse_restrictions(type, json, served_pipelines(mode), rejected);
}

TEST(RestrictionParser, ReadsAWholeEntry) {
    auto const rules = parse(
        R"([{"version":2,"token":"t","pipelines":["analytics","errortracking"],"distinct_ids":["b","a"],
             "session_ids":[],"event_names":["n"],"event_uuids":["u"],"args":{"topic":"x"},"index":3,"more":[{}]}])",
        RedirectToTopic);
    ASSERT_TRUE(rules) << rules.error();
    ASSERT_EQ(rules->size(), 1u);
    const Restriction& rule = rules->front();
    EXPECT_EQ(rule.token, "t");
    EXPECT_EQ(rule.pipelines, 0b011);
    EXPECT_EQ(rule.distinct_ids, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(rule.event_names, std::vector<std::string>{"n"});
    EXPECT_EQ(rule.topic, "x");
    EXPECT_EQ(rule.index, 3);
}

TEST(RestrictionParser, SkipsOtherVersionsSilently) {
    for (const char* json :
         {R"([{"token":"t","pipelines":["analytics"]}])",
          R"([{"version":1,"token":"t","distinct_id":"x"}])", R"([{"version":null,"token":"t"}])",
          R"([{"version":3,"token":"t","pipelines":["analytics"]}])",
          R"([{"version":18446744073709551615,"token":"t"}])", "[]"}) {
        auto const rules = parse(json);
        ASSERT_TRUE(rules) << json;
        EXPECT_TRUE(rules->empty()) << json;
    }
}

TEST(RestrictionParser, KeepsOnlyEntriesOfServedPipelines) {
    const char* const json =
        R"([{"version":2,"token":"none","pipelines":[]},{"version":2,"token":"missing"},
        {"version":2,"token":"unknown","pipelines":["x"]},{"version":2,"token":"sr","pipelines":["session_recordings"]},
        {"version":2,"token":"ai","pipelines":["ai"]},{"version":2,"token":"et","pipelines":["error_tracking"]}])";
    auto const tokens = [&](config::Mode mode) {
        std::string all;
        auto const rules = parse(json, DropEvent, mode);
        for (const Restriction& rule : *rules)
            all += rule.token + " ";
        return all;
    };
    EXPECT_EQ(tokens(config::Mode::Events), "ai et ");
    EXPECT_EQ(tokens(config::Mode::Import), "ai et ");
    EXPECT_EQ(tokens(config::Mode::Ai), "ai ");
    EXPECT_EQ(tokens(config::Mode::Recordings), "sr ");
}

TEST(RestrictionParser, AcceptsNullListsAsEmpty) {
    auto const rules = parse(
        R"([{"version":2,"token":"t","pipelines":["ai"],"distinct_ids":null,"event_names":null,"args":null}])");
    ASSERT_TRUE(rules);
    ASSERT_EQ(rules->size(), 1u);
    EXPECT_TRUE(rules->front().distinct_ids.empty());
}

TEST(RestrictionParser, RefusesWhatIsNotAsAgreed) {
    for (const char* json :
         {"", "{}", "null", "[1]", "[", R"([{"version":2,"pipelines":["ai"]}])",
          R"([{"version":1}])", R"([{"version":2,"token":null}])", R"([{"version":2,"token":1}])",
          R"([{"version":"2","token":"t"}])", R"([{"version":2.5,"token":"t"}])",
          R"([{"version":2,"token":"t","pipelines":"ai"}])",
          R"([{"version":2,"token":"t","distinct_ids":[1]}])",
          R"([{"version":2,"token":"t","distinct_ids":"a"}])",
          R"([{"version":2,"token":"t","index":"1"}])", "[{\"token\":\"\xff\"}]"}) {
        EXPECT_FALSE(parse(json)) << json;
    }
}

TEST(RestrictionParser, RejectsRedirectsWithoutATopic) {
    std::size_t rejected = 0;
    auto const rules = parse_restrictions(
        RedirectToTopic,
        R"([{"version":2,"token":"a","pipelines":["ai"]},{"version":2,"token":"b","pipelines":["ai"],"args":{"topic":""}},
            {"version":2,"token":"c","pipelines":["ai"],"args":{"topic":1}},{"version":2,"token":"d","pipelines":["ai"],
            "args":[]},{"version":2,"token":"e","pipelines":["ai"],"args":{"topic":"t"}}])",
        served_pipelines(config::Mode::Events), rejected);
    ASSERT_TRUE(rules);
    EXPECT_EQ(rejected, 4u);
    ASSERT_EQ(rules->size(), 1u);
    EXPECT_EQ(rules->front().token, "e");
}

struct Matching : ::testing::Test {
    std::vector<Restriction> rules;
    std::shared_ptr<const RestrictionTable> table;

    Restriction& rule(RestrictionType type) {
        Restriction& added = rules.emplace_back();
        added.type = type;
        added.token = "t";
        added.pipelines = 1;
        return added;
    }
    RestrictionMatch match(const RestrictionFacts& facts, Pipeline pipeline = Pipeline::Analytics) {
        if (!table) table = RestrictionTable::make(rules);
        const TokenRules* const token = table->of("t");
        if (!token) return {};
        return token->by_pipeline[static_cast<std::size_t>(pipeline)].match(facts);
    }
    bool drops(const RestrictionFacts& facts) { return match(facts).has(DropEvent); }
};

TEST_F(Matching, AnEntryWithoutFiltersMatchesEverythingOfItsPipeline) {
    rule(DropEvent);
    EXPECT_TRUE(drops({"u", "", "e", ""}));
    EXPECT_TRUE(drops({}));
    EXPECT_FALSE(match({"u", "", "e", ""}, Pipeline::ErrorTracking).has(DropEvent));
    EXPECT_EQ(table->of("other"), nullptr);
}

TEST_F(Matching, FiltersAreAndedAndTheirValuesOred) {
    auto& r = rule(DropEvent);
    r.distinct_ids = {"a", "b"};
    r.event_names = {"x", "y"};
    EXPECT_TRUE(drops({"a", "", "y", ""}));
    EXPECT_TRUE(drops({"b", "", "x", ""}));
    EXPECT_FALSE(drops({"a", "", "z", ""}));
    EXPECT_FALSE(drops({"c", "", "x", ""}));
    EXPECT_FALSE(drops({"A", "", "x", ""}));
}

TEST_F(Matching, AFilterOnAFieldTheEventLacksDoesNotMatch) {
    rule(DropEvent).session_ids = {"", "s"};
    EXPECT_FALSE(drops({"u", "", "e", "uuid"}));
    EXPECT_TRUE(drops({"u", "s", "e", "uuid"}));
}

TEST_F(Matching, EveryFieldCanFilter) {
    rule(DropEvent).event_uuids = {"uuid"};
    rule(ForceOverflow).distinct_ids = {"u"};
    rule(RedirectToDlq).event_names = {"e"};
    rule(SkipPersonProcessing).session_ids = {"s"};
    EXPECT_EQ(match({"u", "s", "e", "uuid"}).types, 0b01111);
    EXPECT_EQ(match({"u", "", "", ""}).types, 0b00010);
    EXPECT_EQ(match({"", "", "e", ""}).types, 0b00100);
    EXPECT_EQ(match({"x", "x", "x", "x"}).types, 0);
}

TEST_F(Matching, TheLastRedirectInIndexOrderNamesTheTopic) {
    auto& late = rule(RedirectToTopic);
    late.topic = "late";
    late.index = 9;
    auto& early = rule(RedirectToTopic);
    early.topic = "early";
    early.index = -1;
    early.distinct_ids = {"u"};
    auto const both = match({"u", "", "e", ""});
    ASSERT_NE(both.redirect, nullptr);
    EXPECT_EQ(both.redirect->topic, "late");
}

TEST_F(Matching, RedirectsOfEqualIndexKeepTheirOrder) {
    for (const char* topic : {"one", "two", "three"}) {
        auto& r = rule(RedirectToTopic);
        r.topic = topic;
        if (r.topic != "two") r.event_names = {"e"};
    }
    EXPECT_EQ(match({"u", "", "e", ""}).redirect->topic, "three");
    EXPECT_EQ(match({"u", "", "f", ""}).redirect->topic, "two");
}

TEST_F(Matching, CountsRulesAndTokensPerPipeline) {
    rule(DropEvent).pipelines = 0b011;
    rule(ForceOverflow).pipelines = 0b001;
    rule(ForceOverflow).token = "other";
    table = RestrictionTable::make(rules);
    EXPECT_EQ(table->loaded[0], 3u);
    EXPECT_EQ(table->loaded[1], 1u);
    EXPECT_EQ(table->tokens[0], 2u);
    EXPECT_EQ(table->tokens[1], 1u);
}

TEST_F(Matching, ExplainListsEveryMatchInOrder) {
    rule(DropEvent).index = 5;
    rule(ForceOverflow).distinct_ids = {"u"};
    rule(SkipPersonProcessing).distinct_ids = {"v"};
    match({});
    auto const all = table->of("t")->by_pipeline[0].matching({"u", "", "e", ""});
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0]->type, ForceOverflow);
    EXPECT_EQ(all[1]->type, DropEvent);
}

struct Refresh : ::testing::Test {
    base::IoContext context;
    base::ManualClock clock{{1'700'000'000, 0}};
    telemetry::Registry registry{"capture", "events"};
    Probe probe{registry};
    redis::MemoryStore store;
    config::RestrictionsSettings settings;
    RestrictionRefresher refresher{settings, config::Mode::Events, probe,
                                   telemetry::Logger::silent(), clock};

    void refresh() { wait(context, refresher.refresh(store)); }
    bool dropped(std::string_view token) {
        auto const state = refresher.state().load();
        if (state->stale(clock.now().seconds, settings.fail_open_after_secs)) return false;
        const TokenRules* const rules = state->table->of(token);
        return rules && rules->by_pipeline[0].match({"u", "", "e", ""}).has(DropEvent);
    }
    static std::string entry(std::string_view token) {
        return R"([{"version":2,"pipelines":["analytics"],"token":")" + std::string(token) + "\"}]";
    }
    double fetched(const char* type, const char* result) {
        return probe.restrictions_fetch.with({type, result}).value();
    }
    static constexpr const char* kDrop =
        "event_ingestion_restriction_dynamic_config:drop_event_from_ingestion";
    static constexpr const char* kDlq =
        "event_ingestion_restriction_dynamic_config:redirect_to_dlq";
};

TEST_F(Refresh, UsesTheKeysOfTheContract) {
    EXPECT_EQ(redis_key(DropEvent), kDrop);
    EXPECT_EQ(redis_key(ForceOverflow),
              "event_ingestion_restriction_dynamic_config:force_overflow_from_ingestion");
    EXPECT_EQ(redis_key(RedirectToDlq), kDlq);
    EXPECT_EQ(redis_key(SkipPersonProcessing),
              "event_ingestion_restriction_dynamic_config:skip_person_processing");
    EXPECT_EQ(redis_key(RedirectToTopic),
              "event_ingestion_restriction_dynamic_config:redirect_to_topic");
}

TEST_F(Refresh, AppliesNothingBeforeTheFirstSuccess) {
    store.set(kDrop, entry("t"));
    EXPECT_FALSE(dropped("t"));
    refresh();
    EXPECT_TRUE(dropped("t"));
    EXPECT_EQ(fetched("drop_event", "success"), 1);
    EXPECT_EQ(fetched("redirect_to_dlq", "not_found"), 1);
    EXPECT_EQ(probe.restrictions_refreshed.with({"analytics"}).value(), 1'700'000'000);
    EXPECT_EQ(probe.restrictions_loaded.with({"analytics"}).value(), 1);
    EXPECT_EQ(probe.restrictions_tokens.with({"ai"}).value(), 0);
}

TEST_F(Refresh, AnyErrorDiscardsTheWholeRefresh) {
    store.set(kDrop, entry("t"));
    refresh();
    store.set(kDrop, entry("new"));
    store.set(kDlq, "not json");
    refresh();
    EXPECT_TRUE(dropped("t"));
    EXPECT_FALSE(dropped("new"));
    EXPECT_EQ(fetched("redirect_to_dlq", "parse_error"), 1);
    EXPECT_EQ(fetched("drop_event", "success"), 2);
    store.erase(kDlq);
    store.refused_key = kDlq;
    refresh();
    EXPECT_FALSE(dropped("new"));
    EXPECT_EQ(fetched("redirect_to_dlq", "error"), 1);
    store.refused_key.clear();
    refresh();
    EXPECT_TRUE(dropped("new"));
    EXPECT_FALSE(dropped("t"));
}

TEST_F(Refresh, FailsOpenWhenTheRulesAreTooOld) {
    store.set(kDrop, entry("t"));
    refresh();
    store.failing = redis::Failure::Unreachable;
    clock.advance(std::chrono::seconds(300));
    refresh();
    EXPECT_TRUE(dropped("t"));
    clock.advance(std::chrono::seconds(1));
    EXPECT_FALSE(dropped("t"));
    EXPECT_EQ(fetched("redirect_to_topic", "error"), 1);
    store.failing.reset();
    refresh();
    EXPECT_TRUE(dropped("t"));
}

TEST_F(Refresh, AClockThatWentBackIsNoAge) {
    store.set(kDrop, entry("t"));
    refresh();
    clock.set({1'600'000'000, 0});
    EXPECT_TRUE(dropped("t"));
}

TEST_F(Refresh, AMissingKeyClearsItsRules) {
    store.set(kDrop, entry("t"));
    refresh();
    store.erase(kDrop);
    refresh();
    EXPECT_FALSE(dropped("t"));
    EXPECT_EQ(probe.restrictions_loaded.with({"analytics"}).value(), 0);
}

}  // namespace
}  // namespace capture::limits
