#include "config/options.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace capture::config {
namespace {

TEST(Options, EveryNameIsDeclaredOnceAndExplained) {
    std::set<std::string> names;
    for (auto const& table :
         {server_options(), limit_options(), log_options(), retired_options()}) {
        for (auto const& option : table) {
            EXPECT_TRUE(names.insert(option.name).second) << option.name;
            EXPECT_STRNE(option.help, "") << option.name;
            EXPECT_NE(option.modes, 0) << option.name;
        }
    }
    EXPECT_STREQ(server_options().front().name, "CAPTURE_MODE");
}

TEST(Options, EveryDefaultIsAValueOfItsKind) {
    for (auto const& table : {server_options(), limit_options()}) {
        for (auto const& option : table) {
            EXPECT_NE(option.store, nullptr) << option.name;
            if (option.initial) {
                EXPECT_TRUE(parse_value(option.kind, option.limits, option.initial)) << option.name;
            }
        }
    }
    for (auto const& option : producer_options()) {
        EXPECT_TRUE(parse_value(option.kind, option.limits, option.initial)) << option.suffix;
    }
}

TEST(Options, EveryProducerSettingOfTheContractIsThere) {
    EXPECT_EQ(producer_options().size(), 26u);
    EXPECT_EQ(output_options().size(), 19u);
}

}  // namespace
}  // namespace capture::config
