// The leaves that need nothing outside the process: print and noop.
#include <gtest/gtest.h>

#include "sink/noop.h"
#include "sink/print.h"
#include "sink/probe.h"

namespace capture::sink {
namespace {

using model::DeliveryOutcome;

config::OutputsSettings outputs() {
    config::OutputsSettings settings;
    settings.by_name["ANALYTICS_MAIN"] = {.topic = "main"};
    return settings;
}

class LeavesTest : public testing::Test {
  protected:
    static void add(RecordGroup& group, std::string_view value) {
        group.begin({}, value.size()).append(value);
        EXPECT_TRUE(
            group.commit("key", std::vector<model::RecordHeader>{{"a", "b"}, {"n", std::nullopt}}));
    }
    static int submit_and_count(RecordGroupPtr group) {
        int calls = 0;
        submit(std::move(group), [&](DeliveryOutcome o) {
            EXPECT_EQ(o, DeliveryOutcome::Delivered);
            ++calls;
        });
        return calls;
    }
    void takes_records(Sink& sink) {
        for (int round = 0; round < 2; ++round) {
            auto group = sink.open(2, budget);
            add(*group, std::string(5000, 'x'));
            add(*group, "two");
            EXPECT_EQ(submit_and_count(std::move(group)), 1);
            EXPECT_EQ(budget.used(), 0U);
        }
        EXPECT_EQ(registry.counter(metric::kIngested).value(), 4);
        EXPECT_TRUE(sink.flush(std::chrono::milliseconds(0)));
    }
    void refuses_beyond_the_budget(Sink& sink) {
        base::Budget small(1000, 1000);
        {
            auto group = sink.open(1, small);
            group->begin({}, 10).append(std::string(5000, 'x'));
            EXPECT_FALSE(group->commit("key", {}));
        }
        EXPECT_EQ(small.used(), 0U);
        EXPECT_EQ(registry.counter(metric::kIngested).value(), 0);
    }

    telemetry::Registry registry{"capture", "events"};
    OutputTable table{outputs()};
    base::Budget budget{std::size_t{1} << 30, std::size_t{1} << 30};
};

TEST_F(LeavesTest, NoopCallsEveryRecordDelivered) {
    NoopSink sink(registry, telemetry::Logger::silent());
    takes_records(sink);
}

TEST_F(LeavesTest, NoopChargesTheBudget) {
    NoopSink sink(registry, telemetry::Logger::silent());
    refuses_beyond_the_budget(sink);
}

TEST_F(LeavesTest, PrintCallsEveryRecordDelivered) {
    PrintSink sink(table, registry, telemetry::Logger::silent());
    takes_records(sink);
}

TEST_F(LeavesTest, PrintChargesTheBudget) {
    PrintSink sink(table, registry, telemetry::Logger::silent());
    refuses_beyond_the_budget(sink);
}

TEST_F(LeavesTest, PrintChargesTheHeadersItKeeps) {
    PrintSink sink(table, registry, telemetry::Logger::silent());
    base::Budget small(4000, 4000);
    auto group = sink.open(1, small);
    group->begin({}, 1).append("v");
    std::string const long_text(5000, 'x');
    EXPECT_FALSE(group->commit("key", std::vector<model::RecordHeader>{{"name", long_text}}));
}

}  // namespace
}  // namespace capture::sink
