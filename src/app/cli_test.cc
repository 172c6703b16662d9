#include "app/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/exit_code.h"

namespace capture::app {
namespace {

using testing::HasSubstr;

CommandLine parsed(std::vector<std::string> arguments) {
    auto line = parse_command_line(std::move(arguments));
    EXPECT_TRUE(line) << line.error().text;
    return line.value_or(CommandLine{});
}

TEST(CommandLine, WithoutArgumentsServes) {
    auto const line = parsed({});
    EXPECT_EQ(line.command, Command::Serve);
    EXPECT_FALSE(line.dev);
    EXPECT_EQ(parsed({"serve", "--dev"}).command, Command::Serve);
}

TEST(CommandLine, DevStandsBeforeOrAfterTheCommand) {
    for (auto const& arguments :
         {std::vector<std::string>{"--dev", "config"}, {"config", "--dev"}}) {
        auto const line = parsed(arguments);
        EXPECT_EQ(line.command, Command::Config);
        EXPECT_TRUE(line.dev);
    }
}

TEST(CommandLine, TailTakesItsOptions) {
    auto const line =
        parsed({"tail", "--json", "--since-id", "7", "--no-follow", "--store", "x.db", "-n", "3"});
    EXPECT_EQ(line.command, Command::Tail);
    EXPECT_TRUE(line.tail.json);
    EXPECT_TRUE(line.tail.no_follow);
    EXPECT_EQ(line.tail.since_id, 7);
    EXPECT_EQ(line.tail.path, "x.db");
    EXPECT_EQ(line.tail.last, 3);
}

TEST(CommandLine, WrongOnesSayWhatIsWrong) {
    for (auto const& arguments : {std::vector<std::string>{"bogus"},
                                  {"--port", "65536"},
                                  {"--port", "x"},
                                  {"docs"},
                                  {"docs", "nope"},
                                  {"config", "check"},
                                  {"tail", "--from-start", "--since-id", "1"}}) {
        auto const line = parse_command_line(arguments);
        ASSERT_FALSE(line) << arguments.front();
        EXPECT_EQ(line.error().status, kExitUsage);
        EXPECT_NE(line.error().text, "");
    }
}

TEST(CommandLine, HelpListsTheEnvironmentAndVersionTheLibraries) {
    auto const help = parse_command_line({"--help"});
    ASSERT_FALSE(help);
    EXPECT_EQ(help.error().status, kExitOk);
    for (const char* text : {"--dev", "tail", "CAPTURE_MODE=events",
                             "KAFKA_<SLOT>_PRODUCER_LINGER_MS=20", "REDIS_URL"}) {
        EXPECT_THAT(help.error().text, HasSubstr(text));
    }
    auto const version = parse_command_line({"--version"});
    ASSERT_FALSE(version);
    EXPECT_EQ(version.error().status, kExitOk);
    for (const char* text : {"capture 0.", "commit", "compiler", "librdkafka 2."}) {
        EXPECT_THAT(version.error().text, HasSubstr(text));
    }
}

TEST(Configuration, CommandLineAddressBeatsTheEnvironment) {
    config::Environment const environment{{"ADDRESS", "0.0.0.0:8000"}};
    auto const address = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "--dev");
        return load_configuration(parsed(arguments), environment, "capture")
            .settings.server.address;
    };
    EXPECT_EQ(address({}), "0.0.0.0:8000");
    EXPECT_EQ(address({"--port", "0"}), "0.0.0.0:0");
    EXPECT_EQ(address({"--address", "[::1]:9"}), "[::1]:9");
    EXPECT_EQ(address({"--address", "127.0.0.1:9", "--port", "10"}), "127.0.0.1:10");
}

TEST(Configuration, ProgramNameChoosesTheLogService) {
    EXPECT_EQ(load_configuration({}, {}, "/usr/bin/capture-logs").settings.mode,
              config::Mode::Logs);
    EXPECT_EQ(load_configuration({}, {}, "/capture-logs/capture").settings.mode,
              config::Mode::Events);
}

TEST(Configuration, RedisUrlsAreReadAsTheClientReadsThem) {
    auto const loaded =
        load_configuration(parsed({"--dev"}), {{"REDIS_URL", "http://host"}}, "capture");
    ASSERT_EQ(loaded.problems.size(), 1u);
    EXPECT_THAT(loaded.problems[0].line(), HasSubstr("REDIS_URL: not a Redis URL"));
    EXPECT_TRUE(
        load_configuration(parsed({"--dev"}), {{"REDIS_URL", "rediss://:p@host:6380/2"}}, "capture")
            .problems.empty());
}

}  // namespace
}  // namespace capture::app
