#include "limits/explain.h"

#include <gtest/gtest.h>

#include <thread>

#include "limits/limits.h"
#include "limits/redis/client.h"
#include "limits/testing.h"

namespace capture::limits {
namespace {

using model::DropReason;
using model::EventKind;
using model::OverflowReason;
using testing::wait;
using Verdict = ExplainStep::Verdict;

struct Explain : ::testing::Test {
    base::IoContext context;
    base::SystemClock clock;
    testing::RealRedis redis;
    config::Settings settings;
    std::shared_ptr<redis::Client> writer;
    std::string id = "u";
    std::string name = "$pageview";
    std::string sent_name;  ///< empty = the same
    std::string session;
    EventKind kind = EventKind::AnalyticsMain;
    bool historical = false;

    Explain() {
        for (auto* role : {&settings.redis.primary, &settings.redis.rate_limit,
                           &settings.redis.restrictions, &settings.redis.known_tokens}) {
            role->url = redis.url();
            role->response_timeout_ms = 5000;
        }
        settings.known_tokens.lookup_timeout_ms = 5000;
        redis::ClientOptions options;
        options.url = redis::parse_url(redis.url()).value();
        options.response_timeout = std::chrono::milliseconds(5000);
        writer = *redis::Client::create(context, options, {}, telemetry::Logger::silent(), clock);
        writer->start();
    }
    void write(std::initializer_list<std::string_view> command) {
        redis::Commands one;
        one.add(command);
        ASSERT_TRUE(wait(context, redis::command(*writer, std::move(one))));
    }
    model::Event event() const {
        model::Event e;
        e.kind = kind;
        e.name = name;
        e.distinct_id = id;
        e.session_id = session;
        return e;
    }
    Explanation ask() {
        ExplainQuestion question;
        question.token = "t";
        question.parsed.name = sent_name.empty() ? name : sent_name;
        question.historical_migration = historical;
        question.build = [this]() -> model::Result<model::Event> { return event(); };
        question.data_size = [](const model::EventData&) -> std::size_t { return 88; };
        auto result = explain(settings, question, telemetry::Logger::silent(), clock);
        EXPECT_TRUE(result) << result.error();
        return std::move(*result);
    }
    static const ExplainStep& step(const Explanation& e, std::string_view name) {
        for (const ExplainStep& s : e.steps) {
            if (s.name == name) return s;
        }
        ADD_FAILURE() << "no step " << name;
        return e.steps.front();
    }
    static std::string fact(const ExplainStep& s, std::string_view name) {
        for (auto const& [key, value] : s.facts) {
            if (key == name) return value;
        }
        return "";
    }
};

TEST_F(Explain, ListsTheStepsInTheirOrder) {
    auto const e = ask();
    std::vector<std::string> names;
    for (const ExplainStep& s : e.steps)
        names.push_back(s.name);
    EXPECT_EQ(names, (std::vector<std::string>{"known_token", "billing_quota", "token_dropper",
                                               "event_restrictions", "ai_byte_budget",
                                               "global_rate_limit", "partition_overflow"}));
    EXPECT_FALSE(e.refused);
    EXPECT_FALSE(e.dropped);
}

TEST_F(Explain, NamesAnUnknownToken) {
    settings.known_tokens.mode = config::TokenValidation::Enforce;
    write({"SET", "capture_known_tokens_swept_at", std::to_string(clock.now().seconds)});
    auto const e = ask();
    ASSERT_TRUE(e.refused);
    EXPECT_EQ(e.refused->code, model::Code::UnknownToken);
    EXPECT_EQ(e.steps.size(), 1u);
    EXPECT_EQ(fact(e.steps[0], "verdict"), "unknown");
}

TEST_F(Explain, NamesTheQuotaThatEndsAnEvent) {
    write({"ZADD", "@posthog/quota-limits/events", "9999999999", "t"});
    auto const over = ask();
    EXPECT_EQ(over.dropped, DropReason::EventsOverQuota);
    EXPECT_EQ(over.steps.back().verdict, Verdict::Ended);
    name = "$exception";
    kind = EventKind::Exception;
    EXPECT_FALSE(ask().dropped);
    write({"ZADD", "@posthog/quota-limits/exceptions", "9999999999", "t"});
    EXPECT_EQ(ask().dropped, DropReason::ExceptionsOverQuota);
}

TEST_F(Explain, ShowsTheRestrictionsThatMatch) {
    settings.restrictions.enabled = true;
    write(
        {"SET", "event_ingestion_restriction_dynamic_config:redirect_to_topic",
         R"([{"version":2,"token":"t","pipelines":["analytics"],"distinct_ids":["u"],"index":4,"args":{"topic":"x"}}])"});
    auto const e = ask();
    auto const& s = step(e, "event_restrictions");
    EXPECT_EQ(s.verdict, Verdict::Marked);
    EXPECT_EQ(fact(s, "matches"), "redirect_to_topic (index 4, by distinct_ids of 1, topic x)");
    EXPECT_EQ(e.event.stamps.custom_topic, "x");
    id = "other";
    EXPECT_EQ(step(ask(), "event_restrictions").verdict, Verdict::Passed);
}

TEST_F(Explain, ComparesTheFleetsLevelWithoutChargingIt) {
    settings.rate_limit.enabled = true;
    settings.rate_limit.threshold = 100;
    std::string const key = "@ph/grl/capture/tok_distid/events:t:u:";
    auto const epoch = clock.now().seconds / 60;
    for (auto const at : {epoch, epoch + 1})
        write({"SET", key + std::to_string(at), "500"});
    auto const e = ask();
    auto const& s = step(e, "global_rate_limit");
    EXPECT_EQ(s.verdict, Verdict::Marked);
    EXPECT_EQ(fact(s, "threshold"), "100");
    EXPECT_EQ(e.event.stamps.overflow, OverflowReason::GlobalRateLimit);
    auto const after = wait(context, redis::get(*writer, key + std::to_string(epoch)));
    EXPECT_EQ(**after, "500");
    id = "quiet";
    EXPECT_EQ(step(ask(), "global_rate_limit").verdict, Verdict::Passed);
}

TEST_F(Explain, NamesDroppedAndForcedKeys) {
    settings.overflow.enabled = true;
    settings.overflow.forced_keys = "t:u";
    auto const forced = ask();
    EXPECT_EQ(forced.event.stamps.overflow, OverflowReason::ForcedKey);
    EXPECT_EQ(step(forced, "partition_overflow").verdict, Verdict::Marked);
    settings.dropped_keys = "t";
    EXPECT_EQ(ask().dropped, DropReason::TokenDropper);
}

TEST_F(Explain, FollowsTheReplayOrder) {
    settings.mode = config::Mode::Recordings;
    kind = EventKind::Snapshot;
    name = "$snapshot_items";
    session = "s";
    write({"ZADD", "@posthog/capture-overflow/replay", "9999999999", "s"});
    auto const e = ask();
    EXPECT_EQ(e.steps.back().name, "replay_overflow");
    EXPECT_EQ(e.event.stamps.overflow, OverflowReason::ReplayLimited);
}

TEST_F(Explain, RestrictionsOfRecordingsNameTheProducedEvent) {
    settings.mode = config::Mode::Recordings;
    settings.restrictions.enabled = true;
    kind = EventKind::Snapshot;
    sent_name = "$snapshot";
    name = model::kSnapshotItems;
    write(
        {"SET", "event_ingestion_restriction_dynamic_config:redirect_to_dlq",
         R"([{"version":2,"token":"t","pipelines":["session_recordings"],"event_names":["$snapshot_items"]}])"});
    EXPECT_TRUE(ask().event.stamps.dlq);
}

TEST_F(Explain, StopsAtTheImportGate) {
    settings.mode = config::Mode::Import;
    EXPECT_EQ(ask().dropped, DropReason::NonHistoricalImport);
    historical = true;
    EXPECT_FALSE(ask().dropped);
}

TEST_F(Explain, SaysThatRedisCannotBeRead) {
    settings.restrictions.enabled = settings.rate_limit.enabled = true;
    redis.kill();
    auto const e = ask();
    EXPECT_FALSE(e.dropped);
    EXPECT_NE(step(e, "billing_quota").reason.find("127.0.0.1"), std::string::npos);
    EXPECT_NE(fact(step(e, "global_rate_limit"), "level").find("unknown"), std::string::npos);
}

TEST_F(Explain, ChargesTheAiBudgetWithTheEventsOwnBytes) {
    settings.ai.byte_limit_per_second = 100;
    kind = EventKind::Ai;
    name = "$ai_trace";
    std::string const key = "@ph/grl/capture/ai_bytes:t:";
    auto const epoch = clock.now().seconds / 60;
    EXPECT_EQ(fact(step(ask(), "ai_byte_budget"), "charged_bytes"), "600");
    EXPECT_FALSE(ask().dropped);
    for (auto const at : {epoch, epoch + 1})
        write({"SET", key + std::to_string(at), "5500"});
    EXPECT_EQ(ask().dropped, DropReason::AiByteRateLimited);
    kind = EventKind::AnalyticsMain;
    EXPECT_FALSE(ask().dropped);
}

TEST_F(Explain, ReadsWhatAUserOfOneKeyspaceMayRead) {
    write(
        {"ACL", "SETUSER", "quotas", "on", ">secret", "~@posthog/quota-limit*", "+zrangebyscore"});
    write({"ZADD", "@posthog/quota-limits/events", "9999999999", "t"});
    settings.redis.primary.url = "redis://quotas:secret@127.0.0.1:" + std::to_string(redis.port());
    EXPECT_EQ(ask().dropped, DropReason::EventsOverQuota);
    write({"ACL", "SETUSER", "quotas", "resetkeys"});
    EXPECT_NE(step(ask(), "billing_quota").reason.find("NOPERM"), std::string::npos);
}

TEST_F(Explain, EndsWhereTheEventIsRefused) {
    ExplainQuestion question;
    question.token = "t";
    question.build = []() -> model::Result<model::Event> {
        return model::fail(model::Code::NoDistinctId);
    };
    auto const e = explain(settings, question, telemetry::Logger::silent(), clock);
    ASSERT_TRUE(e && e->refused);
    EXPECT_EQ(e->refused->code, model::Code::NoDistinctId);
    EXPECT_EQ(e->steps.back().name, "validation");
    write({"ZADD", "@posthog/quota-limits/events", "9999999999", "t"});
    auto const over = explain(settings, question, telemetry::Logger::silent(), clock);
    ASSERT_TRUE(over);
    EXPECT_EQ(over->dropped, DropReason::EventsOverQuota);
    EXPECT_FALSE(over->refused);
}

TEST_F(Explain, SaysThatABucketMayBeEmpty) {
    EXPECT_FALSE(ask().bucket_may_overflow);
    settings.overflow.enabled = true;
    EXPECT_TRUE(ask().bucket_may_overflow);
    kind = EventKind::Exception;
    EXPECT_FALSE(ask().bucket_may_overflow);
}

/// What explain says is what the request path does, over every combination of a few facts.
TEST_F(Explain, AgreesWithTheRequestPath) {
    settings.restrictions.enabled = settings.overflow.enabled = settings.rate_limit.enabled = true;
    settings.rate_limit.overrides_csv = "t:limited=0";
    settings.dropped_keys = "t:gone";
    settings.overflow.forced_keys = "t:forced";
    write({"SET", "event_ingestion_restriction_dynamic_config:drop_event_from_ingestion",
           R"([{"version":2,"token":"t","pipelines":["analytics"],"event_names":["bad"]}])"});
    write(
        {"SET", "event_ingestion_restriction_dynamic_config:skip_person_processing",
         R"([{"version":2,"token":"t","pipelines":["analytics","errortracking"],"distinct_ids":["skip"]}])"});
    write({"SET", "event_ingestion_restriction_dynamic_config:force_overflow_from_ingestion",
           R"([{"version":2,"token":"t","pipelines":["analytics"],"distinct_ids":["over"]}])"});

    telemetry::Registry registry("capture", "events");
    auto const limits =
        Limits::create(settings, registry, telemetry::Logger::silent(), clock).value();
    limits->start(context);
    context.restart();
    context.run_one();
    wait(context, limits->refresh_all());
    WorkerLimits worker = limits->worker();
    base::Arena arena;
    for (const char* one : {"u", "gone", "forced", "skip", "over", "limited"}) {
        for (const char* called : {"good", "bad", "$exception"}) {
            id = one;
            name = called;
            kind = name == "$exception" ? EventKind::Exception : EventKind::AnalyticsMain;
            // The first event of a key always passes the rate limiter.
            std::vector<model::Event> warm{event()};
            worker.request("t", clock.now()).admit(warm, arena, nullptr);
            std::vector<model::Event> events{event()};
            auto const admission = worker.request("t", clock.now()).admit(events, arena, nullptr);
            auto const e = ask();
            ASSERT_EQ(e.dropped.has_value(), admission.dropped_total() == 1) << id << " " << name;
            if (e.dropped) {
                EXPECT_EQ(admission.dropped[static_cast<std::size_t>(*e.dropped)], 1u)
                    << id << " " << name;
                continue;
            }
            EXPECT_EQ(e.event.stamps.overflow, events[0].stamps.overflow) << id << " " << name;
            EXPECT_EQ(e.event.stamps.person_processing_off, events[0].stamps.person_processing_off)
                << id << name;
            EXPECT_EQ(e.event.stamps.force_overflow, events[0].stamps.force_overflow)
                << id << " " << name;
        }
    }
    auto const guard = boost::asio::make_work_guard(context);
    context.restart();
    std::thread housekeeping([&] { context.run(); });
    limits->stop();
    context.stop();
    housekeeping.join();
}

}  // namespace
}  // namespace capture::limits
