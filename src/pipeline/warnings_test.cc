#include "pipeline/warnings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "pipeline/probe.h"
#include "pipeline/testing.h"
#include "sink/noop.h"
#include "sink/probe.h"

namespace capture::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MemorySink;
using ::testing::Not;
using ::testing::Pair;

constexpr std::size_t kQueueBytes = 1 << 20;

WarningOrigin origin(std::string_view token = "phc_a") {
    return {.path = WarningPath::Replay,
            .token = token,
            .route = "/s/",
            .lib = "web",
            .lib_version = "1.200.0"};
}

struct WarningsTest : ::testing::Test {
    base::ManualClock clock{{1'788'264'000, 120'456'789}};
    telemetry::Registry registry{"capture", "events"};
    MemorySink* sink = nullptr;
    Warnings warnings = make();

    Warnings make() {
        auto owned = std::make_unique<MemorySink>();
        sink = owned.get();
        return {std::move(owned), kQueueBytes, registry, clock};
    }
    double count(std::string_view outcome, std::string_view type = "invalid_session_id",
                 std::string_view path = "replay") {
        return registry.counters(kWarnings).with({type, "capture", path, outcome}).value();
    }
    void emit(std::string_view token = "phc_a") {
        warnings.emit(origin(token), {.type = WarningType::InvalidSessionId});
    }
};

TEST_F(WarningsTest, TheRecordIsByteForByteWhatTheContractSays) {
    std::size_t const length = 22;
    warnings.emit(origin(), {.type = WarningType::InvalidSessionId, .count = 2},
                  {{"eventCount", 2u}, {"reason", "invalid_charset"}, {"sessionIdLength", length}});
    ASSERT_EQ(sink->records.size(), 1u);
    auto const& record = sink->records.front();
    EXPECT_EQ(record.output, model::Output::ClientWarnings);
    EXPECT_EQ(record.key, "phc_a");
    std::string const uuid = record.value.substr(9, 36);
    EXPECT_EQ(uuid[14], '7');
    EXPECT_EQ(
        record.value,
        R"({"uuid":")" + uuid +
            R"(","distinct_id":"phc_a","ip":"","data":"{\"token\":\"phc_a\",\"distinct_id\":\"phc_a\",\"uuid\":\")" +
            uuid +
            R"(\",\"event\":\"$$client_ingestion_warning\",\"properties\":)"
            R"({\"$$client_ingestion_warning_type\":\"invalid_session_id\",\"$$client_ingestion_warning_source\":\"capture\",)"
            R"(\"$$client_ingestion_warning_details\":{\"eventCount\":2,\"reason\":\"invalid_charset\",\"sessionIdLength\":22,)"
            R"(\"lib\":\"web\",\"libVersion\":\"1.200.0\",\"path\":\"/s/\",\"count\":2,\"pipelineStep\":\"capture_validation\"}}}",)"
            R"("now":"2026-09-01T12:00:00.120Z","token":"phc_a","event":"$$client_ingestion_warning","timestamp":"2026-09-01T12:00:00.120Z"})");
    EXPECT_THAT(record.headers,
                ElementsAre(Pair("token", "phc_a"), Pair("distinct_id", "phc_a"),
                            Pair("session_id", std::nullopt), Pair("timestamp", "1788264000120"),
                            Pair("event", "$$client_ingestion_warning"), Pair("uuid", uuid),
                            Pair("now", "2026-09-01T12:00:00.120Z"),
                            Pair("force_disable_person_processing", std::nullopt),
                            Pair("historical_migration", std::nullopt)));
}

TEST_F(WarningsTest, NowHasThreeDigitsOnAWholeSecondToo) {
    clock.set({1'788'264'000, 0});
    emit();
    EXPECT_THAT(sink->records.front().value, HasSubstr(R"("now":"2026-09-01T12:00:00.000Z")"));
}

TEST_F(WarningsTest, DetailsWithoutAValueAreLeftOutAndLongTextsCut) {
    std::string const characters = [] {
        std::string out;
        for (int i = 0; i < 201; ++i)
            out += "é";
        return out;
    }();
    std::string const long_lib(201, 'x');
    std::string const lib(200, 'y');
    warnings.emit({.path = WarningPath::AiOtel,
                   .token = "phc_a",
                   .route = "/i/v0/ai/otel",
                   .lib = long_lib,
                   .lib_version = lib},
                  {.type = WarningType::MessageSizeTooLarge, .count = 0, .step = "otel_validation"},
                  {{"absent", {}}, {"empty", ""}, {"zero", 0u}, {"text", characters}});
    ASSERT_EQ(sink->records.size(), 1u);
    auto const& value = sink->records.front().value;
    EXPECT_THAT(value, Not(HasSubstr("absent")));
    EXPECT_THAT(value, Not(HasSubstr("empty")));
    EXPECT_THAT(
        value,
        HasSubstr(
            R"({\"zero\":0,\"text\":\")" + characters.substr(0, 400) +
            R"(\",\"lib\":\"unknown\",\"libVersion\":\")" + lib +
            R"(\",\"path\":\"/i/v0/ai/otel\",\"count\":1,\"pipelineStep\":\"otel_validation\")"));
}

TEST_F(WarningsTest, OneLeavesPerTokenTypeAndHour) {
    emit();
    emit();
    emit("phc_b");
    warnings.emit(origin(), {.type = WarningType::MissingSessionId});
    EXPECT_EQ(sink->records.size(), 3u);
    EXPECT_EQ(count("emitted"), 2);
    EXPECT_EQ(count("delivered"), 2);
    EXPECT_EQ(count("throttled"), 1);
    EXPECT_EQ(count("emitted", "missing_session_id"), 1);
    clock.advance(std::chrono::hours(1));
    emit();
    EXPECT_EQ(count("emitted"), 3);
}

TEST_F(WarningsTest, ASweepShowsHowManyPairsAreRemembered) {
    emit();
    emit("phc_b");
    warnings.sweep();
    EXPECT_EQ(registry.gauge(kWarningKeys).value(), 2);
    clock.advance(std::chrono::hours(1));
    warnings.sweep();
    EXPECT_EQ(registry.gauge(kWarningKeys).value(), 0);
}

TEST_F(WarningsTest, TooManyPairsAreRefused) {
    warnings =
        Warnings(std::make_unique<MemorySink>(), kQueueBytes, registry, clock, /*max_pairs=*/2);
    for (const char* token : {"one", "two", "three"})
        emit(token);
    EXPECT_EQ(count("emitted"), 2);
    EXPECT_EQ(count("cardinality_capped"), 1);
    clock.advance(std::chrono::hours(1));
    warnings.sweep();
    emit("three");
    EXPECT_EQ(count("emitted"), 3);
}

TEST_F(WarningsTest, EveryWayToFailHasItsOutcome) {
    struct {
        model::DeliveryOutcome reported;
        const char* outcome;
    } const rows[] = {{model::DeliveryOutcome::TooLargeAtSend, "enqueue_error"},
                      {model::DeliveryOutcome::Retryable, "enqueue_error"},
                      {model::DeliveryOutcome::Rejected, "serialize_error"}};
    for (auto const& row : rows) {
        double const before = count(row.outcome);
        sink->outcome = row.reported;
        emit(std::to_string(static_cast<int>(row.reported)));
        EXPECT_EQ(count(row.outcome) - before, 1);
    }
    sink->full = true;
    emit("full");
    EXPECT_EQ(count("queue_full"), 1);
    EXPECT_EQ(count("emitted"), 0);
}

/// A sink whose reports come later, from another thread.
class LateSink final : public sink::Sink {
  public:
    explicit LateSink(model::DeliveryOutcome outcome) : outcome_(outcome) {}
    ~LateSink() override { LateSink::flush({}); }
    sink::RecordGroupPtr open(std::size_t, base::Budget& budget) override {
        return std::make_unique<Group>(*this, budget);
    }
    bool flush(std::chrono::milliseconds) override {
        std::thread([this] {
            for (auto& done : std::exchange(waiting_, {}))
                done(outcome_);
        }).join();
        return true;
    }

  private:
    class Group final : public sink::RecordGroup {
      public:
        Group(LateSink& owner, base::Budget& budget) : owner_(owner), charge_(budget) {}
        base::ByteWriter& begin(const model::Destination&, std::size_t) override { return value_; }
        bool commit(std::optional<std::string_view>,
                    std::span<const model::RecordHeader>) override {
            return charge_.add(value_.size());
        }
        void submit(sink::DeliveryCallback done) override {
            owner_.waiting_.push_back([this, done = std::move(done)](auto outcome) {
                done(outcome);
                delete this;
            });
        }

      private:
        LateSink& owner_;
        base::Charge charge_;
        base::StringWriter value_;
    };
    const model::DeliveryOutcome outcome_;
    std::vector<sink::DeliveryCallback> waiting_;
};

TEST_F(WarningsTest, WhatWasEmittedIsCountedAgainWhenItsReportComes) {
    auto const emit_late = [this](model::DeliveryOutcome outcome) {
        warnings = Warnings(std::make_unique<LateSink>(outcome), kQueueBytes, registry, clock);
        emit();
    };
    emit_late(model::DeliveryOutcome::Delivered);
    EXPECT_EQ(count("emitted"), 1);
    EXPECT_EQ(count("delivered"), 0);
    EXPECT_TRUE(warnings.flush(std::chrono::seconds(1)));
    EXPECT_EQ(count("delivered"), 1);

    emit_late(model::DeliveryOutcome::Retryable);
    warnings.flush(std::chrono::seconds(1));
    emit_late(model::DeliveryOutcome::TooLargeAtAck);
    warnings.flush(std::chrono::seconds(1));
    EXPECT_EQ(count("delivery_failed"), 2);
    EXPECT_EQ(count("emitted"), 3);
    auto const errors = registry.counters(kWarningErrors);
    EXPECT_EQ(errors.with({"capture", "replay", "not_acknowledged"}).value(), 1);
    EXPECT_EQ(errors.with({"capture", "replay", "too_large"}).value(), 1);
}

TEST_F(WarningsTest, TheQueueIsBoundedInBytes) {
    warnings = Warnings(std::make_unique<LateSink>(model::DeliveryOutcome::Delivered), 2'000,
                        registry, clock);
    for (int i = 0; i < 10; ++i)
        emit(std::to_string(i));
    double const emitted = count("emitted");
    EXPECT_GT(emitted, 0);
    EXPECT_EQ(count("queue_full"), 10 - emitted);
    EXPECT_GT(count("queue_full"), 0);
    warnings.flush(std::chrono::seconds(1));
    emit("later");
    EXPECT_EQ(count("emitted"), emitted + 1);
}

TEST_F(WarningsTest, OffSendsAndDeclaresNothing) {
    telemetry::Registry quiet("capture", "events");
    Warnings off;
    EXPECT_FALSE(off.enabled());
    off.emit(origin(), {.type = WarningType::InvalidSessionId});
    off.sweep();
    EXPECT_TRUE(off.flush(std::chrono::seconds(1)));
    EXPECT_TRUE(quiet.specs().empty());
}

TEST_F(WarningsTest, ManyThreadsMayWarnAtOnce) {
    constexpr int kThreads = 4;
    constexpr int kTokens = 500;
    telemetry::Registry sinks("", "");
    warnings = Warnings(std::make_unique<sink::NoopSink>(sinks, telemetry::Logger::silent()),
                        kQueueBytes, registry, clock);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < kTokens; ++i)
                emit(std::to_string(i));
            warnings.sweep();
        });
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(sinks.counter(sink::metric::kIngested).value(), kTokens);
    EXPECT_EQ(count("emitted"), kTokens);
    EXPECT_EQ(count("delivered"), kTokens);
    EXPECT_EQ(count("throttled"), (kThreads - 1) * kTokens);
}

TEST(WarningPaths, AreCalledAsTheContractSays) {
    EXPECT_STREQ(to_text(WarningPath::LegacyAnalytics), "legacy_analytics");
    EXPECT_STREQ(to_text(WarningPath::V1Analytics), "v1_analytics");
    EXPECT_STREQ(to_text(WarningPath::AiEvents), "ai_events");
    EXPECT_STREQ(to_text(WarningPath::AiOtel), "ai_otel");
    EXPECT_STREQ(to_text(WarningPath::Replay), "replay");
}

}  // namespace
}  // namespace capture::pipeline
