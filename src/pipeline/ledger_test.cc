#include "pipeline/ledger.h"

#include <gtest/gtest.h>

namespace capture::pipeline {
namespace {

struct LedgerTest : testing::Test {
    telemetry::Registry registry{"capture", "events"};
    Ledger ledger{registry, telemetry::Logger::silent()};

    double ended(std::string_view end, std::string_view reason) {
        return registry.counters(kLedgerEnded).with({end, reason}).value();
    }
    double unbalanced() { return registry.counter(kLedgerUnbalanced).value(); }
};

TEST_F(LedgerTest, EveryEventEndsOnceAndTheSumCloses) {
    {
        Ledger::Entry entry(ledger, 10);
        EXPECT_EQ(ledger.in_flight(), 10u);
        EXPECT_TRUE(ledger.balanced());
        entry.add(1);
        entry.drop(model::DropReason::TokenDropper, 4);
        EXPECT_EQ(entry.open(), 7u);
        entry.deliver_rest();
        EXPECT_TRUE(ledger.balanced());
    }
    EXPECT_EQ(ended("delivered", ""), 7);
    EXPECT_EQ(ended("dropped", "token_dropper"), 4);
    EXPECT_EQ(ledger.in_flight(), 0u);
    EXPECT_EQ(unbalanced(), 0);
}

TEST_F(LedgerTest, AForgottenEventIsADefectThatIsCountedAndClosed) {
    {
        Ledger::Entry const entry(ledger, 3);
    }
    EXPECT_EQ(unbalanced(), 3);
    EXPECT_EQ(ended("refused", "internal_error"), 3);
    EXPECT_TRUE(ledger.balanced());
}

TEST_F(LedgerTest, EndingMoreThanEnteredIsADefect) {
    Ledger::Entry entry(ledger, 1);
    entry.drop(model::DropReason::TokenDropper, 2);
    EXPECT_EQ(unbalanced(), 1);
    EXPECT_EQ(ended("dropped", "token_dropper"), 1);
    EXPECT_TRUE(ledger.balanced());
}

TEST_F(LedgerTest, ARefusedRequestIsBookedUnderItsErrorTag) {
    Ledger::Entry entry(ledger, 5);
    entry.refuse_rest(model::Code::RetryableSink);
    EXPECT_EQ(ended("refused", "retryable_sink"), 5);
}

}  // namespace
}  // namespace capture::pipeline
