#include "limits/limits.h"

#include <gtest/gtest.h>

#include <thread>

#include "limits/redis/client.h"
#include "limits/testing.h"

namespace capture::limits {
namespace {

using model::DropReason;
using model::EventKind;
using model::OverflowReason;
using std::chrono::milliseconds;
using testing::RealRedis;
using testing::wait;

std::size_t some_size(const model::EventData&) {
    return 100;
}

/// The whole room against a real Redis; the housekeeping context runs in the test's thread.
struct LimitsTest : ::testing::Test {
    base::IoContext context;
    base::SystemClock clock;
    telemetry::Registry registry{"capture", "events"};
    RealRedis redis;
    config::Settings settings;
    std::unique_ptr<Limits> limits;
    std::shared_ptr<redis::Client> writer;
    base::Arena arena;

    LimitsTest() {
        for (auto* role : {&settings.redis.primary, &settings.redis.rate_limit,
                           &settings.redis.restrictions, &settings.redis.known_tokens}) {
            role->url = redis.url();
            role->response_timeout_ms = 5000;
        }
        settings.restrictions.enabled = true;
        settings.rate_limit.read_timeout_ms = settings.rate_limit.write_timeout_ms = 5000;
        redis::ClientOptions options;
        options.url = redis::parse_url(redis.url()).value();
        options.response_timeout = milliseconds(5000);
        writer = *redis::Client::create(context, options, {}, telemetry::Logger::silent(), clock);
        writer->start();
    }
    ~LimitsTest() override {
        if (!limits) return;
        auto const guard = boost::asio::make_work_guard(context);
        context.restart();
        std::thread housekeeping([&] { context.run(); });
        limits->stop();
        context.stop();
        housekeeping.join();
    }
    void write(std::initializer_list<std::string_view> command) {
        redis::Commands one;
        one.add(command);
        auto const reply = wait(context, redis::command(*writer, std::move(one)));
        ASSERT_TRUE(reply) << reply.error().message;
    }
    void start() {
        auto made = Limits::create(settings, registry, telemetry::Logger::silent(), clock);
        ASSERT_TRUE(made) << made.error();
        limits = std::move(*made);
        limits->start(context);
        context.restart();
        context.run_one();
        wait(context, limits->refresh_all());
    }
    RequestLimits request(WorkerLimits& worker, std::string_view token) {
        return worker.request(token, clock.now());
    }
    static model::Event event(std::string_view id, EventKind kind = EventKind::AnalyticsMain,
                              std::string_view name = "e") {
        model::Event e;
        e.kind = kind;
        e.name = name;
        e.distinct_id = id;
        return e;
    }
    static std::uint32_t count(const Admission& admission, DropReason reason) {
        return admission.dropped[static_cast<std::size_t>(reason)];
    }
    bool exposes(std::string_view line) {
        return registry.expose().find(line) != std::string::npos;
    }
};

TEST_F(LimitsTest, AdmitsEverythingWhenNothingIsSet) {
    start();
    WorkerLimits worker = limits->worker();
    EXPECT_EQ(worker.token_refused_now("t"), false);
    RequestLimits r = request(worker, "t");
    std::vector<model::ParsedEvent> parsed(3);
    EXPECT_EQ(r.quota(parsed).removed, 0u);
    std::vector<model::Event> events{event("a"), event("b")};
    auto const admission = r.admit(events, arena, some_size);
    EXPECT_EQ(admission.dropped_total(), 0u);
    EXPECT_EQ(events.size(), 2u);
    EXPECT_FALSE(events[0].stamps.person_processing_off);
}

TEST_F(LimitsTest, AppliesTheStepsInTheirOrder) {
    settings.dropped_keys = "t:gone";
    settings.overflow.enabled = true;
    settings.overflow.forced_keys = "t:forced";
    write(
        {"SET", "event_ingestion_restriction_dynamic_config:drop_event_from_ingestion",
         R"([{"version":2,"token":"t","pipelines":["analytics"],"distinct_ids":["bad","gone"]}])"});
    write(
        {"SET", "event_ingestion_restriction_dynamic_config:redirect_to_topic",
         R"([{"version":2,"token":"t","pipelines":["analytics"],"event_names":["special"],"args":{"topic":"x"}}])"});
    write({"SET", "event_ingestion_restriction_dynamic_config:skip_person_processing",
           R"([{"version":2,"token":"t","pipelines":["errortracking"]}])"});
    write({"SET", "event_ingestion_restriction_dynamic_config:force_overflow_from_ingestion",
           R"([{"version":2,"token":"t","pipelines":["analytics"],"distinct_ids":["over"]}])"});
    start();
    WorkerLimits worker = limits->worker();
    RequestLimits r = request(worker, "t");
    std::vector<model::Event> events{event("gone"),
                                     event("bad"),
                                     event("ok", EventKind::AnalyticsMain, "special"),
                                     event("bad", EventKind::Exception, "$exception"),
                                     event("forced"),
                                     event("over")};
    auto const admission = r.admit(events, arena, some_size);
    EXPECT_EQ(count(admission, DropReason::TokenDropper), 1u);
    EXPECT_EQ(count(admission, DropReason::EventRestriction), 1u);
    ASSERT_EQ(events.size(), 4u);
    EXPECT_EQ(events[0].stamps.custom_topic, "x");
    EXPECT_TRUE(events[1].stamps.person_processing_off);
    EXPECT_EQ(events[1].stamps.overflow, OverflowReason::None);
    EXPECT_EQ(events[2].stamps.overflow, OverflowReason::ForcedKey);
    EXPECT_TRUE(events[3].stamps.force_overflow);
    EXPECT_TRUE(exposes("capture_event_restrictions_applied{"));
}

TEST_F(LimitsTest, ReadsQuotasWithTheirPrefix) {
    settings.redis.key_prefix = "p:";
    write({"ZADD", "p:@posthog/quota-limits/events", "9999999999", "t"});
    write({"ZADD", "@posthog/quota-limits/events", "9999999999", "other"});
    start();
    WorkerLimits worker = limits->worker();
    std::vector<model::ParsedEvent> batch(2);
    EXPECT_TRUE(request(worker, "t").quota(batch).billing_limited);
    EXPECT_TRUE(request(worker, "t").over_global_quota());
    batch.resize(2);
    EXPECT_FALSE(request(worker, "other").quota(batch).billing_limited);
}

TEST_F(LimitsTest, RefusesUnknownTokensWhenTold) {
    settings.known_tokens.mode = config::TokenValidation::Enforce;
    settings.known_tokens.lookup_timeout_ms = 5000;
    write({"SET", "capture_known_tokens_swept_at", std::to_string(clock.now().seconds - 5)});
    write({"SET", "capture_known_token:t", "1"});
    start();
    WorkerLimits worker = limits->worker();
    EXPECT_EQ(worker.token_refused_now("t"), std::nullopt);
    EXPECT_FALSE(wait(context, worker.token_refused("t")));
    EXPECT_EQ(worker.token_refused_now("t"), false);
    EXPECT_TRUE(wait(context, worker.token_refused("nobody")));
    EXPECT_EQ(worker.token_refused_now("nobody"), true);
}

TEST_F(LimitsTest, StampsEventsOverTheGlobalRateLimit) {
    settings.rate_limit.enabled = true;
    settings.rate_limit.overrides_csv = "t:hot=2";
    start();
    WorkerLimits worker = limits->worker();
    std::vector<model::Event> events{event("hot"), event("hot"), event("cold"),
                                     event("hot", EventKind::AnalyticsHistorical)};
    events.push_back(event("hot"));
    events.back().stamps.person_processing_off = true;
    auto const admission = request(worker, "t").admit(events, arena, some_size);
    EXPECT_EQ(admission.rate_limited, 2u);
    EXPECT_EQ(admission.limited_id_count, 1u);
    EXPECT_EQ(admission.limited_ids[0], "hot");
    EXPECT_EQ(events[0].stamps.overflow, OverflowReason::None);
    EXPECT_EQ(events[1].stamps.overflow, OverflowReason::GlobalRateLimit);
    EXPECT_TRUE(events[1].stamps.person_processing_off);
    EXPECT_FALSE(events[2].stamps.person_processing_off);
    EXPECT_TRUE(events[3].stamps.person_processing_off);
    EXPECT_EQ(events[3].stamps.overflow, OverflowReason::None);
    EXPECT_EQ(events[4].stamps.overflow, OverflowReason::None);
    EXPECT_TRUE(exposes("capture_global_rate_limiter_already_disabled{"));
}

TEST_F(LimitsTest, ListsAtMostTenLimitedIdsAndCountsAll) {
    settings.rate_limit.enabled = true;
    settings.rate_limit.threshold = 0;
    start();
    WorkerLimits worker = limits->worker();
    std::vector<std::string> ids;
    for (int i = 0; i < 15; ++i)
        ids.push_back("id" + std::to_string(i));
    std::vector<model::Event> events;
    for (int round = 0; round < 2; ++round) {
        for (const std::string& id : ids)
            events.push_back(event(id));
    }
    auto const admission = request(worker, "t").admit(events, arena, some_size);
    EXPECT_EQ(admission.rate_limited, 15u);
    EXPECT_EQ(admission.limited_id_count, 15u);
    EXPECT_EQ(admission.limited_ids[9], "id9");
}

TEST_F(LimitsTest, ImportsAreNeverRateLimited) {
    settings.mode = config::Mode::Import;
    settings.rate_limit.enabled = true;
    settings.rate_limit.threshold = 0;
    settings.ai.byte_limit_per_second = 1;
    start();
    WorkerLimits worker = limits->worker();
    std::vector<model::Event> events{event("a"), event("a"), event("a", EventKind::Ai),
                                     event("a", EventKind::Ai)};
    auto const admission = request(worker, "t").admit(events, arena, some_size);
    EXPECT_EQ(admission.rate_limited, 0u);
    EXPECT_EQ(events.size(), 4u);
}

TEST_F(LimitsTest, DropsAiEventsOverTheByteBudgetOnly) {
    settings.ai.byte_limit_per_second = 20;  // 1200 a minute: an event is charged 612
    start();
    WorkerLimits worker = limits->worker();
    std::vector<model::Event> events;
    for (int i = 0; i < 4; ++i)
        events.push_back(event("a", EventKind::Ai));
    events.push_back(event("a"));
    auto const admission = request(worker, "t").admit(events, arena, some_size);
    EXPECT_EQ(count(admission, DropReason::AiByteRateLimited), 3u);
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[1].kind, EventKind::AnalyticsMain);
}

TEST_F(LimitsTest, SendsListedSessionsToReplayOverflow) {
    settings.mode = config::Mode::Recordings;
    write({"ZADD", "@posthog/capture-overflow/replay", "9999999999", "hot"});
    start();
    WorkerLimits worker = limits->worker();
    auto hot = event("u", EventKind::Snapshot);
    hot.session_id = "hot";
    auto cold = hot;
    cold.session_id = "cold";
    auto forced = hot;
    forced.stamps.force_overflow = true;
    RequestLimits r = request(worker, "t");
    r.replay_overflow(hot);
    r.replay_overflow(cold);
    r.replay_overflow(forced);
    EXPECT_EQ(hot.stamps.overflow, OverflowReason::ReplayLimited);
    EXPECT_EQ(cold.stamps.overflow, OverflowReason::None);
    EXPECT_EQ(forced.stamps.overflow, OverflowReason::None);
}

TEST_F(LimitsTest, KeepsItsSnapshotsThroughAnOutageAndRecovers) {
    write({"ZADD", "@posthog/quota-limits/events", "9999999999", "t"});
    for (auto* role : {&settings.redis.primary, &settings.redis.restrictions})
        role->response_timeout_ms = 20;
    start();
    WorkerLimits worker = limits->worker();
    EXPECT_TRUE(request(worker, "t").over_global_quota());
    redis.pause();
    wait(context, limits->refresh_all());
    EXPECT_TRUE(request(worker, "t").over_global_quota());
    redis.resume();
    write({"DEL", "@posthog/quota-limits/events"});
    testing::run_until(context, [&] {
        wait(context, limits->refresh_all());
        return !request(worker, "t").over_global_quota();
    });
}

TEST_F(LimitsTest, ServesOpenWhenRedisIsAbsentFromTheStart) {
    redis.kill();
    settings.rate_limit.enabled = true;
    settings.known_tokens.mode = config::TokenValidation::Enforce;
    start();
    WorkerLimits worker = limits->worker();
    EXPECT_EQ(worker.token_refused_now("t"), false);
    std::vector<model::Event> events{event("a")};
    EXPECT_EQ(request(worker, "t").admit(events, arena, some_size).dropped_total(), 0u);
    EXPECT_EQ(events.size(), 1u);
}

TEST_F(LimitsTest, FlushesTheRateLimitersCountsWhenStopped) {
    settings.rate_limit.enabled = true;
    settings.rate_limit.tick_interval_ms = 1'000'000;
    start();
    {
        WorkerLimits worker = limits->worker();
        std::vector<model::Event> events{event("u"), event("u"), event("u")};
        request(worker, "t").admit(events, arena, some_size);
    }
    auto const guard = boost::asio::make_work_guard(context);
    context.restart();
    std::thread housekeeping([&] { context.run(); });
    limits->stop();
    context.stop();
    housekeeping.join();
    limits.reset();
    auto const epoch = clock.now().seconds / 60;
    std::int64_t total = 0;
    for (auto const e : {epoch - 1, epoch}) {
        auto const value =
            wait(context,
                 redis::get(*writer, "@ph/grl/capture/tok_distid/events:t:u:" + std::to_string(e)));
        ASSERT_TRUE(value);
        if (*value) total += std::stoll(**value);
    }
    EXPECT_EQ(total, 3);
}

TEST(LimitsSettings, NamesEveryProblem) {
    telemetry::Registry registry{"capture", "import"};
    base::SystemClock clock;
    config::Settings settings;
    settings.mode = config::Mode::Import;
    settings.redis.primary.url = "ftp://h";
    settings.redis.restrictions.url = "ftp://h";
    settings.redis.known_tokens.url = "redis://";
    settings.rate_limit.enabled = true;
    settings.rate_limit.window_secs = 0;
    settings.overflow.enabled = true;
    settings.outputs.by_name["AI_OVERFLOW"].topic = "x";
    auto const made = Limits::create(settings, registry, telemetry::Logger::silent(), clock);
    ASSERT_FALSE(made);
    for (const char* name :
         {"REDIS_URL", "KNOWN_TOKENS_REDIS_URL", "GLOBAL_RATE_LIMIT_WINDOW_INTERVAL_SECS",
          "CAPTURE_OUTPUT_AI_OVERFLOW_TOPIC"}) {
        EXPECT_NE(made.error().find(name), std::string::npos) << made.error();
    }
    EXPECT_EQ(made.error().find("EVENT_RESTRICTIONS_REDIS_URL"), std::string::npos);
}

TEST(LimitsSettings, WorksWithoutAnyRedis) {
    telemetry::Registry registry{"capture", "events"};
    base::SystemClock clock;
    base::IoContext context;
    config::Settings settings;
    settings.restrictions.enabled = true;
    settings.rate_limit.enabled = true;
    settings.overflow.enabled = true;
    auto const limits =
        Limits::create(settings, registry, telemetry::Logger::silent(), clock).value();
    limits->start(context);
    context.poll();
    WorkerLimits worker = limits->worker();
    base::Arena arena;
    std::vector<model::Event> events(3);
    EXPECT_EQ(worker.request("t", clock.now()).admit(events, arena, some_size).dropped_total(), 0u);
    std::thread housekeeping([&] { context.run(); });
    limits->stop();
    housekeeping.join();
}

}  // namespace
}  // namespace capture::limits
