#include "telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>

namespace capture::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr double kBounds[]{.005, 1, 10485760};
constexpr MetricSpec kReceived{"received_total", MetricType::Counter, "Events parsed"};
constexpr MetricSpec kDropped{
    "dropped_total", MetricType::Counter, "Lost\non \\ purpose", {"cause"}};
constexpr MetricSpec kDepth{"queue_depth", MetricType::Gauge, "Messages"};
constexpr MetricSpec kSeconds{"duration_seconds", MetricType::Histogram, "Time", {"path"}, kBounds};

TEST(Metrics, UnlabelledCounterExistsAtZeroWithGlobalLabels) {
    Registry registry("capture", "events");
    registry.counter(kReceived);
    EXPECT_EQ(registry.expose(),
              "# HELP received_total Events parsed\n# TYPE received_total counter\n"
              "received_total{role=\"capture\",capture_mode=\"events\"} 0\n");
}

TEST(Metrics, EmptyGlobalLabelsAreLeftOut) {
    Registry registry("", "");
    registry.counter(kReceived).add(3);
    EXPECT_THAT(registry.expose(), HasSubstr("\nreceived_total 3\n"));
}

TEST(Metrics, LabelledFamilyWithoutSeriesIsNotExposed) {
    Registry registry("r", "m");
    registry.counters(kDropped);
    EXPECT_EQ(registry.expose(), "");
}

TEST(Metrics, EscapesLabelValuesAndHelp) {
    Registry registry("r", "m");
    registry.counters(kDropped).with({"a\"b\\c\nd"}).add();
    auto const text = registry.expose();
    EXPECT_THAT(text, HasSubstr("# HELP dropped_total Lost\\non \\\\ purpose\n"));
    EXPECT_THAT(text, HasSubstr("cause=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST(Metrics, LabelValuesThatAreNotUtf8AreRepaired) {
    Registry registry("r", "m");
    registry.counters(kDropped).with({"\xFF/\xC3\xA9\xED\xA0\x80"}).add();
    EXPECT_THAT(
        registry.expose(),
        HasSubstr("cause=\"\xEF\xBF\xBD/\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"} 1\n"));
}

TEST(Metrics, BigIntegersHaveNoExponent) {
    Registry registry("r", "m");
    registry.counter(kReceived).add(123456789012345.0);
    registry.gauge(kDepth).set(1e15);
    auto const text = registry.expose();
    EXPECT_THAT(text, HasSubstr("} 123456789012345\n"));
    EXPECT_THAT(text, HasSubstr("} 1000000000000000\n"));
}

TEST(Metrics, HistogramBucketsAreCumulativeAndClosedAbove) {
    Registry registry("r", "m");
    auto const h = registry.histograms(kSeconds).with({"/e/"});
    h.observe(.005);
    h.observe(.5);
    h.observe(1e9);
    auto const text = registry.expose();
    std::string const labels = "{role=\"r\",capture_mode=\"m\",path=\"/e/\"";
    EXPECT_THAT(text, HasSubstr("duration_seconds_bucket" + labels + ",le=\"0.005\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("duration_seconds_bucket" + labels + ",le=\"1\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("duration_seconds_bucket" + labels + ",le=\"10485760\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("duration_seconds_bucket" + labels + ",le=\"+Inf\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("duration_seconds_sum" + labels + "} 1000000000.505\n"));
    EXPECT_THAT(text, HasSubstr("duration_seconds_count" + labels + "} 3\n"));
    EXPECT_EQ(h.count(), 3u);
    EXPECT_DOUBLE_EQ(h.sum(), 1000000000.505);
}

TEST(Metrics, AValueCanBeObservedSeveralTimesAtOnce) {
    Registry registry("r", "m");
    auto const h = registry.histograms(kSeconds).with({"/e/"});
    h.observe(.5, 3);
    h.observe(2);
    EXPECT_THAT(registry.expose(), HasSubstr("path=\"/e/\",le=\"1\"} 3\n"));
    EXPECT_EQ(h.count(), 4u);
    EXPECT_DOUBLE_EQ(h.sum(), 3.5);
}

TEST(Metrics, NotANumberFallsIntoTheLastBucket) {
    Registry registry("r", "m");
    auto const h = registry.histograms(kSeconds).with({"/"});
    h.observe(std::numeric_limits<double>::quiet_NaN());
    EXPECT_EQ(h.count(), 1u);
    EXPECT_THAT(registry.expose(),
                HasSubstr("_sum{role=\"r\",capture_mode=\"m\",path=\"/\"} NaN\n"));
}

TEST(Metrics, AskingTwiceGivesTheSameSeries) {
    Registry registry("r", "m");
    registry.counter(kReceived).add();
    registry.counter(kReceived).add();
    registry.counters(kDropped).with({"x"}).add();
    registry.counters(kDropped).with({"x"}).add();
    EXPECT_EQ(registry.counter(kReceived).value(), 2);
    EXPECT_EQ(registry.counters(kDropped).with({"x"}).value(), 2);
    EXPECT_EQ(registry.specs().size(), 2u);
}

TEST(Metrics, LabelValuesAreNotConfusedByTheirSeparators) {
    static constexpr MetricSpec kTwo{"two_total", MetricType::Counter, "", {"a", "b"}};
    Registry registry("r", "m");
    registry.counters(kTwo).with({"1:x", ""}).add();
    EXPECT_EQ(registry.counters(kTwo).with({"1", "x"}).value(), 0);
}

TEST(Metrics, CounterTakesFractionsAndIgnoresNegativeAmounts) {
    Registry registry("r", "m");
    auto const c = registry.counter(kReceived);
    c.add(.5);
    c.add(2);
    c.add(-7);
    EXPECT_DOUBLE_EQ(c.value(), 2.5);
}

TEST(Metrics, AbsoluteCounterShowsTheLastValue) {
    Registry registry("r", "m");
    auto const c = registry.counter(kReceived);
    c.set_absolute(17);
    c.set_absolute(4);
    EXPECT_EQ(c.value(), 4);
}

TEST(Metrics, AGaugeShowsWhatWasSetAndThenAddedByAnyThread) {
    Registry registry("r", "m");
    auto const g = registry.gauge(kDepth);
    g.add(3);
    std::thread([&] { g.add(4); }).join();
    EXPECT_EQ(g.value(), 7);
    g.set(2);
    EXPECT_EQ(g.value(), 2);
    std::thread([&] { g.add(-5); }).join();
    EXPECT_EQ(g.value(), -3);
    EXPECT_THAT(registry.expose(), HasSubstr("queue_depth{role=\"r\",capture_mode=\"m\"} -3\n"));
}

TEST(Metrics, DefaultHandlesDoNothing) {
    Counter().add();
    Gauge().set(1);
    Histogram().observe(1);
    EXPECT_EQ(CounterFamily().with({"x"}).value(), 0);
    EXPECT_EQ(HistogramFamily().with({}).count(), 0u);
}

TEST(Metrics, MisuseIsAProgrammingError) {
    static constexpr MetricSpec kOther{"received_total", MetricType::Counter, "", {"cause"}};
    static constexpr MetricSpec kNoBounds{"h", MetricType::Histogram, ""};
    Registry registry("r", "m");
    registry.counter(kReceived);
    EXPECT_THROW(registry.counters(kOther), std::logic_error);
    EXPECT_THROW(registry.gauge(kReceived), std::logic_error);
    EXPECT_THROW(registry.histogram(kNoBounds), std::logic_error);
    EXPECT_THROW(registry.counters(kDropped).with({}), std::logic_error);
}

TEST(Metrics, ThreadsLoseNothing) {
    Registry registry("r", "m");
    auto const c = registry.counter(kReceived);
    auto const g = registry.gauge(kDepth);
    auto const family = registry.histograms(kSeconds);
    std::vector<std::thread> threads;
    for (int t = 0; t < 10; ++t) {
        threads.emplace_back([&] {
            auto const h = family.with({"/e"});
            for (int i = 0; i < 1000; ++i) {
                c.add();
                g.add(1);
                h.observe(.25);
            }
        });
    }
    registry.expose();
    for (auto& t : threads)
        t.join();
    EXPECT_EQ(c.value(), 10000);
    EXPECT_EQ(g.value(), 10000);
    EXPECT_EQ(family.with({"/e"}).count(), 10000u);
    EXPECT_EQ(family.with({"/e"}).sum(), 2500);
    EXPECT_THAT(registry.expose(), Not(HasSubstr("e+")));
}

}  // namespace
}  // namespace capture::telemetry
