#include "sink/outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace capture::sink {
namespace {

using model::Output;
using testing::ElementsAre;

TEST(OutputTable, ResolvesTopicAndSlotOfAnOutput) {
    config::OutputsSettings settings;
    settings.by_name["AI_MAIN"] = {.topic = "ai", .producer = "SECOND"};
    OutputTable const table(settings);
    EXPECT_TRUE(table.wired(Output::AiMain));
    EXPECT_EQ(table.at(Output::AiMain).topic, "ai");
    EXPECT_EQ(table.at(Output::AiMain).slot, "SECOND");
    EXPECT_EQ(table.topic({.output = Output::AiMain}), "ai");
}

TEST(OutputTable, AnOutputWithoutATopicIsNotWired) {
    config::OutputsSettings settings;
    settings.by_name["AI_OVERFLOW"] = {.topic = ""};
    OutputTable const table(settings);
    EXPECT_FALSE(table.wired(Output::AiOverflow));
    EXPECT_FALSE(table.wired(Output::Heatmaps));
    EXPECT_EQ(table.topic({.output = Output::AiOverflow}), "");
}

TEST(OutputTable, APipelinesDlqFallsBackToTheCommonOneTopicAndSlot) {
    config::OutputsSettings settings;
    settings.by_name["DLQ"] = {.topic = "dlq", .producer = "DEAD"};
    settings.by_name["AI_DLQ"] = {.topic = "", .producer = "INGESTION"};
    settings.by_name["ANALYTICS_DLQ"] = {.topic = "own", .producer = "INGESTION"};
    OutputTable const table(settings);
    EXPECT_EQ(table.at(Output::AiDlq).topic, "dlq");
    EXPECT_EQ(table.at(Output::AiDlq).slot, "DEAD");
    EXPECT_TRUE(table.wired(Output::SessionReplayDlq));
    EXPECT_EQ(table.at(Output::AnalyticsDlq).topic, "own");
    EXPECT_EQ(table.at(Output::AnalyticsDlq).slot, "INGESTION");
}

TEST(OutputTable, CustomTakesItsTopicFromTheRestriction) {
    config::OutputsSettings settings;
    settings.by_name["CUSTOM"] = {.topic = "ignored", .producer = "SECOND"};
    OutputTable const table(settings);
    EXPECT_TRUE(table.wired(Output::Custom));
    EXPECT_EQ(table.at(Output::Custom).slot, "SECOND");
    EXPECT_EQ(table.topic({.output = Output::Custom, .custom_topic = "turbo"}), "turbo");
}

TEST(OutputTable, ListsEverySlotInUseOnce) {
    config::OutputsSettings settings;
    settings.by_name["ANALYTICS_MAIN"] = {.topic = "a", .producer = "ONE"};
    settings.by_name["HEATMAPS"] = {.topic = "b", .producer = "TWO"};
    settings.by_name["AI_MAIN"] = {.topic = "c", .producer = "ONE"};
    settings.by_name["AI_OVERFLOW"] = {.topic = "", .producer = "UNUSED"};
    settings.by_name["CUSTOM"] = {.topic = "", .producer = "TWO"};
    EXPECT_THAT(OutputTable(settings).slots(), ElementsAre("ONE", "TWO"));
}

}  // namespace
}  // namespace capture::sink
