#include "telemetry/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "telemetry/log_line.h"
#include "telemetry/rate_limited.h"

namespace capture::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr base::Instant kAt{1788256800, 123'456'789};  // 2026-09-01T10:00:00Z

std::string json(std::string_view message, std::initializer_list<Field> fields) {
    std::string out;
    append_json_line(
        out, {kAt, Level::Warn, "capture::http", message, fields, "capture-analytics-0", 4});
    return out;
}

TEST(LogLine, IsTheJsonOfTheContract) {
    EXPECT_EQ(
        json("Request body stalled",
             {{"path", "/e/"}, {"bytes_received", 512}, {"timeout_ms", 300u}}),
        R"({"timestamp":"2026-09-01T10:00:00.123456Z","level":"WARN","message":"Request body stalled",)"
        R"("path":"/e/","bytes_received":512,"timeout_ms":300,"target":"capture::http",)"
        R"("span":{"name":"service","pod":"capture-analytics-0"},)"
        R"-("spans":[{"name":"service","pod":"capture-analytics-0"}],"threadId":"ThreadId(4)"})-"
        "\n");
}

TEST(LogLine, WritesEveryKindOfValue) {
    EXPECT_THAT(
        json("m",
             {{"yes", true}, {"ratio", 0.5}, {"nan", std::numeric_limits<double>::quiet_NaN()}}),
        HasSubstr(R"("yes":true,"ratio":0.5,"nan":null)"));
}

TEST(LogLine, EscapesHostileTextAndRepairsUtf8) {
    EXPECT_THAT(json("a\"b\\\n\x01\x7F\xC0", {}),
                HasSubstr("\"message\":\"a\\\"b\\\\\\n\\u0001\\u007f\xEF\xBF\xBD\""));
}

TEST(LogLine, FieldsCannotReplaceOurOwn) {
    EXPECT_THAT(json("m", {{"level", "x"}}), HasSubstr(R"("field.level":"x")"));
}

TEST(LogLine, HumanTextNamesLevelTargetAndFields) {
    std::string out;
    append_human_line(
        out,
        {kAt, Level::Warn, "capture::http", "Stalled\x1b[2J", {{"path", "/e/"}, {"n", 3}}, "p", 1},
        false);
    EXPECT_EQ(
        out,
        "2026-09-01T10:00:00.123456Z  WARN capture::http: Stalled\\u001b[2J path=\"/e/\" n=3\n");
    out.clear();
    append_human_line(out, {kAt, Level::Error, "t", "m", {}, "p", 1}, true);
    EXPECT_THAT(out, HasSubstr("\x1b[31mERROR\x1b[0m"));
}

TEST(LogFilter, DefaultsToInfo) {
    for (auto text : {"", "nonsense=loud", "capture[span]=debug", ",,="}) {
        LogFilter const filter(text);
        EXPECT_TRUE(filter.enabled(Level::Info, "capture::http")) << text;
        EXPECT_FALSE(filter.enabled(Level::Debug, "capture::http")) << text;
    }
}

TEST(LogFilter, LongestTargetWins) {
    LogFilter const filter("warn, capture=info,capture::http=trace,rdkafka=off");
    EXPECT_FALSE(filter.enabled(Level::Info, "other"));
    EXPECT_TRUE(filter.enabled(Level::Info, "capture::sink"));
    EXPECT_FALSE(filter.enabled(Level::Debug, "capture::sink"));
    EXPECT_TRUE(filter.enabled(Level::Trace, "capture::http::connection"));
    EXPECT_FALSE(filter.enabled(Level::Error, "rdkafka"));
}

TEST(LogFilter, BareTargetShowsAllOfItAndPyroscopeIsQuiet) {
    LogFilter const filter("DEBUG,capture::sink");
    EXPECT_TRUE(filter.enabled(Level::Trace, "capture::sink"));
    EXPECT_TRUE(filter.enabled(Level::Debug, "x"));
    EXPECT_FALSE(filter.enabled(Level::Info, "pyroscope"));
    EXPECT_TRUE(LogFilter("4").enabled(Level::Debug, "x"));
}

/// A file that exists only as long as its descriptor.
struct Capture {
    int fd = ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    ~Capture() { ::close(fd); }
    std::string text() const {
        std::string out(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
        EXPECT_EQ(::pread(fd, out.data(), out.size(), 0), static_cast<ssize_t>(out.size()));
        return out;
    }
};

TEST(Logger, WritesEverythingBeforeItGoes) {
    Capture file;
    {
        Logger log({.filter = "info", .fd = file.fd, .pod = "p"});
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 500; ++i)
                    log.info("capture::test", "line", {{"i", i}});
            });
        }
        for (auto& t : threads)
            t.join();
        log.debug("capture::test", "not shown");
    }
    auto const text = file.text();
    EXPECT_EQ(std::ranges::count(text, '\n'), 2000);
    EXPECT_THAT(text, StartsWith("{\"timestamp\":\"20"));
    EXPECT_THAT(text, EndsWith(")\"}\n"));
}

TEST(Logger, FlushReturnsWhenTheLineIsThere) {
    Capture file;
    Logger log({.filter = "debug", .human = true, .colours = false, .fd = file.fd});
    log.error("t", "now");
    log.flush();
    EXPECT_THAT(file.text(), EndsWith(" ERROR t: now\n"));
}

TEST(Logger, SaysHowManyLinesWereLeftOutWhenNobodyReads) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    std::string read_back;
    std::thread reader;
    {
        Logger log({.fd = ends[1]});
        std::string const big(1 << 20, 'x');
        for (int i = 0; i < 20; ++i)
            log.info("t", big);  // more than a pipe and the queue hold
        reader = std::thread([&] {
            std::vector<char> chunk(1 << 16);
            for (ssize_t n; (n = ::read(ends[0], chunk.data(), chunk.size())) > 0;)
                read_back.append(chunk.data(), n);
        });
        log.flush();
        log.info("t", "after");
    }
    ::close(ends[1]);
    reader.join();
    ::close(ends[0]);
    EXPECT_THAT(read_back, HasSubstr("Log lines were left out"));
    EXPECT_THAT(read_back, HasSubstr("\"message\":\"after\""));
}

TEST(Logger, SilentOneIsNeverEnabled) {
    EXPECT_FALSE(Logger::silent().enabled(Level::Error, "t"));
    Logger::silent().error("t", "m");
    Logger::silent().flush();
}

TEST(RateLimited, LetsSoManyThroughAndCountsTheRest) {
    RateLimited brake(2, 1s);
    RateLimited::Time const start{};
    EXPECT_EQ(brake.pass(start)->suppressed, 0u);
    EXPECT_TRUE(brake.pass(start + 1ms));
    EXPECT_FALSE(brake.pass(start + 2ms));
    EXPECT_FALSE(brake.pass(start + 999ms));
    EXPECT_EQ(brake.pass(start + 1s)->suppressed, 2u);
    EXPECT_EQ(brake.pass(start + 1s)->suppressed, 0u);
}

}  // namespace
}  // namespace capture::telemetry
