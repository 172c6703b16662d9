#include "sink/kafka/flight.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "sink/kafka/context.h"

namespace capture::sink::kafka {
namespace {

using model::DeliveryOutcome;

class FlightTest : public testing::Test {
  protected:
    Flight& start(std::size_t records) {
        ValueMemory memory(budget);
        memory.start(10, 1);
        memory.append("value");
        (void)memory.finish();
        memory.seal();
        Flight& flight = context.flights.take();
        flight.start(records, 1, memory.take(),
                     [this](DeliveryOutcome outcome) { outcomes.push_back(outcome); });
        return flight;
    }
    void give_back(Flight& flight) {
        Flight* const landed = &flight;
        context.flights.give_back({&landed, 1});
    }

    telemetry::Registry registry{"capture", "events"};
    base::SystemClock clock;
    base::Budget budget{1 << 20, 1 << 20};
    std::vector<DeliveryOutcome> outcomes;
    Context context{registry, false, telemetry::Logger::silent(), clock};
};

TEST_F(FlightTest, IsDoneWithTheLastRecordAndTheSubmission) {
    Flight& flight = start(3);
    EXPECT_FALSE(flight.done(2));
    EXPECT_FALSE(flight.done(1));
    EXPECT_TRUE(flight.done(1));
    EXPECT_FALSE(flight.in_the_air());
    EXPECT_GT(budget.used(), 0u);
    flight.land();
    EXPECT_EQ(outcomes, std::vector{DeliveryOutcome::Delivered});
    EXPECT_EQ(budget.used(), 0u);
    give_back(flight);
}

TEST_F(FlightTest, TellsOneResultOnly) {
    Flight& flight = start(1);
    flight.settle(DeliveryOutcome::TooLargeAtAck);
    flight.settle(DeliveryOutcome::Retryable);
    EXPECT_TRUE(flight.settled());
    ASSERT_TRUE(flight.done(2));
    flight.land();
    EXPECT_EQ(outcomes, std::vector{DeliveryOutcome::TooLargeAtAck});
    give_back(flight);
}

TEST_F(FlightTest, StartsAfreshInTheMemoryOfOneThatHasLanded) {
    Flight& first = start(1);
    first.settle(DeliveryOutcome::Retryable);
    ASSERT_TRUE(first.done(2));
    first.land();
    give_back(first);
    Flight& second = start(1);
    EXPECT_EQ(&second, &first);
    EXPECT_FALSE(second.settled());
    ASSERT_TRUE(second.done(2));
    second.land();
    give_back(second);
    EXPECT_EQ(outcomes, (std::vector{DeliveryOutcome::Retryable, DeliveryOutcome::Delivered}));
}

TEST_F(FlightTest, ThereAreAsManyAsAreInTheAirAtOnce) {
    std::set<Flight*> flights;
    for (int i = 0; i < 1'000; ++i)
        flights.insert(&start(1));
    EXPECT_EQ(flights.size(), 1'000u);
    for (auto* const flight : flights) {
        ASSERT_TRUE(flight->done(2));
        flight->land();
        give_back(*flight);
    }
    EXPECT_EQ(outcomes.size(), 1'000u);
}

TEST_F(FlightTest, CancellingAllEndsThoseInTheAirOnly) {
    Flight& landed = start(1);
    Flight& delivered = start(1);
    Flight& failed = start(2);
    start(1);
    ASSERT_TRUE(landed.done(2));
    landed.land();
    give_back(landed);
    EXPECT_FALSE(delivered.done(1));
    failed.settle(DeliveryOutcome::TooLargeAtAck);
    outcomes.clear();
    context.flights.cancel_all(context);
    EXPECT_EQ(outcomes, (std::vector{DeliveryOutcome::Retryable, DeliveryOutcome::Retryable}));
    EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace capture::sink::kafka
