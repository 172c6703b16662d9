#include "pipeline/replay.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <functional>

#include "pipeline/testing.h"

namespace capture::pipeline {
namespace {

using testing::FakeRequest;
using testing::World;

constexpr const char* kTwo =
    R"([{"token":"phc_a","event":"$snapshot","distinct_id":"u","properties":{"$session_id":"s-1","$snapshot_data":[{"type":2}]}},)"
    R"({"event":"$snapshot","properties":{"$snapshot_data":{"type":3}}}])";

struct ReplayTest : ::testing::Test {
    World world{config::Environment{{"CAPTURE_MODE", "recordings"},
                                    {"KAFKA_PRODUCER_MESSAGE_MAX_BYTES", "2000000"}}};
    Replay surface{world.context, world.decode_probe, world.parse_probe};

    http::Response post(std::string body) {
        FakeRequest request("/s/", std::move(body));
        return world.serve(surface, request);
    }
    double ended(std::string_view end, std::string_view reason) {
        return world.registry.counters(kLedgerEnded).with({end, reason}).value();
    }
    double dropped(std::string_view cause) {
        return world.registry.counters(kDropped).with({cause}).value();
    }
};

/// One event whose only item is a text of that many characters.
std::string with_item(std::size_t characters) {
    return R"({"token":"phc_a","event":"$snapshot","distinct_id":"u","properties":{"$session_id":"s-1","$snapshot_data":[")" +
           std::string(characters, 'x') + R"("]}})";
}

TEST_F(ReplayTest, OneRecordEndsEveryEventOfTheRequest) {
    EXPECT_EQ(post(kTwo).status, 200);
    ASSERT_EQ(world.sink.records.size(), 1u);
    EXPECT_EQ(world.sink.records[0].output, model::Output::SessionReplayMain);
    EXPECT_EQ(world.sink.records[0].key, "s-1");
    EXPECT_EQ(ended("delivered", ""), 2);
    EXPECT_EQ(world.registry.counter(kReceived).value(), 2);
    EXPECT_TRUE(world.ledger.balanced());
    EXPECT_EQ(world.budget.used(), 0u);
}

TEST_F(ReplayTest, AFailureOfTheSinkRefusesEveryEvent) {
    struct {
        model::DeliveryOutcome outcome;
        int status;
        const char* tag;
    } const rows[] = {{model::DeliveryOutcome::Retryable, 503, "retryable_sink"},
                      {model::DeliveryOutcome::TooLargeAtSend, 413, "oversize_event"},
                      {model::DeliveryOutcome::TooLargeAtAck, 413, "oversize_event"},
                      {model::DeliveryOutcome::Rejected, 400, "non_retry_sink"}};
    for (auto const& row : rows) {
        world.sink.outcome = row.outcome;
        double const before = ended("refused", row.tag);
        EXPECT_EQ(post(kTwo).status, row.status);
        EXPECT_EQ(ended("refused", row.tag) - before, 2);
    }
    EXPECT_EQ(dropped("kafka_message_size"), 2);
    world.sink.full = true;
    EXPECT_EQ(post(kTwo).status, 503);
    EXPECT_TRUE(world.ledger.balanced());
}

TEST_F(ReplayTest, LargeBodiesTakeThePoolAndEndTheSameWay) {
    EXPECT_EQ(post(with_item(1'000'000)).status, 200);
    ASSERT_EQ(world.sink.records.size(), 1u);
    EXPECT_EQ(world.sink.records[0].key, "s-1");
    EXPECT_NE(world.sink.records[0].value.find(std::string(1'000'000, 'x')), std::string::npos);
    EXPECT_EQ(post(R"({"token":"phc_a","event":"e","distinct_id":"u","x":")" +
                   std::string(500'000, 'x') + "\"}")
                  .status,
              400);
    EXPECT_EQ(dropped("no_session_id"), 1);
    EXPECT_EQ(world.budget.used(), 0u);
    EXPECT_TRUE(world.ledger.balanced());
}

TEST(Replay, TheWorkersLoopRunsOnWhileTheLargestBodyIsWorkedOn) {
    World world(config::Environment{{"CAPTURE_MODE", "recordings"},
                                    {"KAFKA_PRODUCER_MESSAGE_MAX_BYTES", "33554432"}});
    Replay surface(world.context, world.decode_probe, world.parse_probe);
    FakeRequest request("/s/", with_item(20 * 1024 * 1024));
    // Other handlers of the loop get their turn as long as the record is not there. On the loop
    // itself the work would leave them a few turns, one for each time it is suspended.
    std::uint64_t turns = 0;
    std::function<void()> turn = [&] {
        ++turns;
        if (world.sink.records.empty()) base::asio::post(world.io, turn);
    };
    base::asio::post(world.io, turn);
    EXPECT_EQ(world.serve(surface, request).status, 200);
    EXPECT_GT(turns, 100u);
}

TEST_F(ReplayTest, TheCapIsTheProducersMaximum) {
    std::string const frame = with_item(0);
    EXPECT_EQ(post(with_item(2'000'000 - frame.size())).status, 200);
    EXPECT_EQ(post(with_item(2'000'001 - frame.size())).status, 413);
    EXPECT_EQ(dropped("event_too_big"), 1);
}

TEST_F(ReplayTest, EnvelopesAreMadeInChargedMemory) {
    world.lanes.replay_lz4 = true;
    EXPECT_EQ(post(with_item(1'000'000)).status, 200);
    ASSERT_EQ(world.sink.records.size(), 1u);
    EXPECT_LT(world.sink.records[0].value.size(), 20'000u);
    EXPECT_EQ(world.sink.records[0].headers.back().first, "content-encoding");
    EXPECT_EQ(world.sink.records[0].headers.back().second, "lz4");
    EXPECT_EQ(world.budget.used(), 0u);

    // What is left is enough for the events, not for the plain value.
    std::size_t const taken = world.budget.hard_limit() - 2'000'000;
    ASSERT_TRUE(world.budget.charge(taken));
    EXPECT_EQ(post(with_item(1'900'000)).status, 503);
    world.budget.release(taken);
    EXPECT_EQ(world.budget.used(), 0u);
    EXPECT_EQ(world.sink.records.size(), 1u);
    EXPECT_TRUE(world.ledger.balanced());
}

}  // namespace
}  // namespace capture::pipeline
