#include "sink/store/store_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>

#include "sink/probe.h"
#include "sink/store/reader.h"

namespace capture::sink {
namespace {

using model::DeliveryOutcome;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using Headers = std::vector<model::RecordHeader>;

constexpr auto kPatience = std::chrono::seconds(20);

std::array<std::size_t, model::kOutputCount> limit(model::Output output, std::size_t bytes) {
    std::array<std::size_t, model::kOutputCount> limits{};
    limits[static_cast<std::size_t>(output)] = bytes;
    return limits;
}

config::OutputsSettings outputs() {
    config::OutputsSettings settings;
    settings.by_name["ANALYTICS_MAIN"] = {.topic = "main"};
    settings.by_name["SESSION_REPLAY_MAIN"] = {.topic = "replay"};
    return settings;
}

/// Another process's connection, as far as SQLite can tell.
class OtherConnection {
  public:
    explicit OtherConnection(const std::string& path) { sqlite3_open(path.c_str(), &handle_); }
    ~OtherConnection() { sqlite3_close(handle_); }
    void run(const char* sql) {
        ASSERT_EQ(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr), SQLITE_OK)
            << sqlite3_errmsg(handle_);
    }

  private:
    sqlite3* handle_ = nullptr;
};

class StoreTest : public testing::Test {
  protected:
    StoreTest() {
        std::string pattern = testing::TempDir() + "store_test_XXXXXX";
        folder = mkdtemp(pattern.data());
        path = folder + "/store.db";
    }
    ~StoreTest() override {
        sink.reset();
        std::filesystem::remove_all(folder);
    }

    void start(StoreOptions options = {}) {
        options.retry_interval = {};
        auto opened =
            StoreSink::open(path, table, registry, telemetry::Logger::silent(), clock, options);
        ASSERT_TRUE(opened.has_value()) << opened.error();
        sink = std::move(*opened);
    }
    static void add(RecordGroup& group, std::string_view value,
                    std::optional<std::string_view> key = "k", const Headers& headers = {},
                    const model::Destination& destination = {}) {
        group.begin(destination, value.size()).append(value);
        EXPECT_TRUE(group.commit(key, headers));
    }
    static std::future<DeliveryOutcome> send(RecordGroupPtr group) {
        auto result = std::make_shared<std::promise<DeliveryOutcome>>();
        auto future = result->get_future();
        submit(std::move(group), [result](DeliveryOutcome o) { result->set_value(o); });
        return future;
    }
    static DeliveryOutcome wait(std::future<DeliveryOutcome> future) {
        if (future.wait_for(kPatience) != std::future_status::ready) std::abort();
        return future.get();
    }
    DeliveryOutcome store(std::initializer_list<std::string_view> values) {
        auto group = sink->open(values.size(), budget);
        if (!group) return DeliveryOutcome::Retryable;
        for (auto v : values)
            add(*group, v);
        return wait(send(std::move(group)));
    }
    std::vector<StoredRecord> rows(std::int64_t after = 0) {
        auto reader = StoreReader::open(path);
        EXPECT_TRUE(reader.has_value()) << reader.error();
        auto out = reader->after(after, 1'000'000);
        EXPECT_TRUE(out.has_value()) << out.error();
        return out.value_or(std::vector<StoredRecord>{});
    }
    std::vector<std::string> values() {
        std::vector<std::string> out;
        for (auto& r : rows())
            out.push_back(r.value);
        return out;
    }
    double failures(const char* reason) {
        return registry.counters(metric::kStoreErrors).with({reason}).value();
    }

    std::string folder, path;
    telemetry::Registry registry{"capture", "events"};
    base::SystemClock clock;
    OutputTable table{outputs()};
    base::Budget budget{std::size_t{1} << 30, std::size_t{1} << 30};
    std::unique_ptr<StoreSink> sink;
};

TEST_F(StoreTest, KeepsTopicKeyHeadersAndValue) {
    start();
    auto group = sink->open(3, budget);
    add(*group, "one", "key",
        {{"token", "a\"\\\n\x01ü"}, {"session_id", std::nullopt}, {"event", ""}});
    add(*group, std::string_view("\0\xff", 2), std::nullopt);
    add(*group, "", "", {}, {.output = model::Output::Custom, .custom_topic = "turbo"});
    EXPECT_GT(budget.used(), 0U);
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::Delivered);
    EXPECT_EQ(budget.used(), 0U);
    EXPECT_EQ(registry.counter(metric::kIngested).value(), 3);

    auto const stored = rows();
    ASSERT_EQ(stored.size(), 3U);
    EXPECT_EQ(stored[0].topic, "main");
    EXPECT_EQ(stored[0].key, "key");
    EXPECT_EQ(stored[0].value, "one");
    EXPECT_THAT(stored[0].headers,
                ElementsAre(Pair("token", "a\"\\\n\x01ü"), Pair("session_id", std::nullopt),
                            Pair("event", "")));
    EXPECT_LE(stored[0].time.millis(), clock.now().millis());
    EXPECT_EQ(stored[1].key, std::nullopt);
    EXPECT_EQ(stored[1].value, std::string("\0\xff", 2));
    EXPECT_EQ(stored[2].topic, "turbo");
    EXPECT_EQ(stored[2].key, "");
    EXPECT_EQ(stored[2].value, "");
}

TEST_F(StoreTest, ShowsWritersOnlyTheRecordAtHand) {
    start();
    auto group = sink->open(2, budget);
    add(*group, "first");
    auto& out = group->begin({}, 0);
    EXPECT_EQ(out.size(), 0U);
    out.append(std::string(10'000, 'x'));
    EXPECT_EQ(out.view(), std::string(10'000, 'x'));
    EXPECT_TRUE(group->commit("k", {}));
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::Delivered);
    EXPECT_THAT(values(), ElementsAre("first", std::string(10'000, 'x')));
}

TEST_F(StoreTest, ReportsOnlyWhatAnotherConnectionCanRead) {
    start();
    std::atomic<int> checked{0};
    for (int i = 1; i <= 20; ++i) {
        auto group = sink->open(1, budget);
        add(*group, std::to_string(i));
        submit(std::move(group), [&, i](DeliveryOutcome o) {
            EXPECT_EQ(o, DeliveryOutcome::Delivered);
            EXPECT_THAT(values(), testing::Contains(std::to_string(i)));
            ++checked;
        });
    }
    EXPECT_TRUE(sink->flush(kPatience));
    EXPECT_EQ(checked, 20);
    EXPECT_EQ(rows().size(), 20U);
}

TEST_F(StoreTest, ContinuesAFileWithRisingIds) {
    start();
    ASSERT_EQ(store({"a", "b"}), DeliveryOutcome::Delivered);
    auto const last = rows().back().id;
    sink.reset();
    start();
    ASSERT_EQ(store({"c"}), DeliveryOutcome::Delivered);
    EXPECT_THAT(values(), ElementsAre("a", "b", "c"));
    EXPECT_GT(rows().back().id, last);
}

TEST_F(StoreTest, WritesWhatIsQueuedBeforeItEnds) {
    start();
    std::vector<std::future<DeliveryOutcome>> results;
    for (int i = 0; i < 50; ++i) {
        auto group = sink->open(1, budget);
        add(*group, "v");
        results.push_back(send(std::move(group)));
    }
    sink.reset();
    for (auto& r : results)
        EXPECT_EQ(wait(std::move(r)), DeliveryOutcome::Delivered);
    EXPECT_EQ(rows().size(), 50U);
}

TEST_F(StoreTest, LosesNothingAcknowledgedWhenTheProcessIsKilled) {
    int acknowledged[2];
    ASSERT_EQ(pipe(acknowledged), 0);
    pid_t const child = fork();
    if (child == 0) {
        start();
        for (int i = 0; i < 30; ++i) {
            auto group = sink->open(1, budget);
            add(*group, std::to_string(i));
            submit(std::move(group), [&, i](DeliveryOutcome o) {
                if (o != DeliveryOutcome::Delivered) _exit(1);
                if (write(acknowledged[1], "+", 1) != 1 || i == 29) _exit(0);
            });
        }
        while (true)
            pause();
    }
    close(acknowledged[1]);
    std::size_t count = 0;
    for (char c; read(acknowledged[0], &c, 1) == 1;)
        ++count;
    int status = 0;
    waitpid(child, &status, 0);
    close(acknowledged[0]);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_EQ(count, 30U);
    EXPECT_GE(rows().size(), count);
}

TEST_F(StoreTest, EndsAGroupAsRetryableWhileAnotherProcessHoldsTheLockThenRecovers) {
    start({.busy_timeout = {}});
    OtherConnection other(path);
    other.run("BEGIN IMMEDIATE");
    EXPECT_EQ(store({"refused"}), DeliveryOutcome::Retryable);
    EXPECT_EQ(budget.used(), 0U);
    EXPECT_EQ(failures("write_failed"), 1);
    other.run("ROLLBACK");
    EXPECT_EQ(store({"kept"}), DeliveryOutcome::Delivered);
    EXPECT_THAT(values(), ElementsAre("kept"));
}

TEST_F(StoreTest, EndsAGroupAsRetryableWhenTheFileCannotBeWrittenAndRecovers) {
    start();
    ASSERT_EQ(store({"lost with the file"}), DeliveryOutcome::Delivered);
    std::filesystem::remove_all(folder);
    std::ofstream(folder) << "a file where the directory was";
    EXPECT_EQ(store({"refused"}), DeliveryOutcome::Retryable);
    std::filesystem::remove(folder);
    EXPECT_EQ(store({"kept"}), DeliveryOutcome::Delivered);
    EXPECT_THAT(values(), ElementsAre("kept"));
}

TEST_F(StoreTest, RefusesGroupsBeyondTheQueuesBounds) {
    start({.queue_bytes = 100, .queue_records = 2});
    EXPECT_EQ(sink->open(3, budget), nullptr);
    EXPECT_EQ(failures("queue_full"), 3);
    auto group = sink->open(1, budget);
    add(*group, std::string(200, 'x'));
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::Retryable);
    EXPECT_EQ(failures("queue_full"), 4);
    EXPECT_EQ(budget.used(), 0U);
    EXPECT_EQ(store({"fits"}), DeliveryOutcome::Delivered);
}

TEST_F(StoreTest, RefusesATooLargeRecordAndKeepsItsPredecessors) {
    start({.message_max_bytes = limit(model::Output::AnalyticsMain, 1000)});
    auto group = sink->open(3, budget);
    add(*group, "first");
    add(*group, std::string(960, 'x'), "key",
        {{"token", "t"}});  // above the limit with framing only
    add(*group, "never");
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::TooLargeAtSend);
    EXPECT_TRUE(sink->flush(kPatience));
    EXPECT_THAT(values(), ElementsAre("first"));
    EXPECT_EQ(failures("too_large"), 1);
}

TEST_F(StoreTest, LimitsTheRecordsOfEachOutputByItself) {
    start({.message_max_bytes = limit(model::Output::SessionReplayMain, 100)});
    std::string const large(200, 'x');
    EXPECT_EQ(store({large}), DeliveryOutcome::Delivered);
    auto group = sink->open(1, budget);
    add(*group, large, "k", {}, {.output = model::Output::SessionReplayMain});
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::TooLargeAtSend);
}

TEST_F(StoreTest, TakesRecordsThatAreNoEventsAndCountsNone) {
    start({.message_max_bytes = limit(model::Output::AnalyticsMain, 1000)});
    auto const uncounted = sink->uncounted();
    auto const send_one = [&](std::string_view value, model::Output output) {
        auto group = uncounted->open(1, budget);
        add(*group, value, "k", {}, {.output = output});
        return wait(send(std::move(group)));
    };
    EXPECT_EQ(send_one("note", model::Output::AnalyticsMain), DeliveryOutcome::Delivered);
    EXPECT_EQ(send_one(std::string(1000, 'x'), model::Output::AnalyticsMain),
              DeliveryOutcome::TooLargeAtSend);
    EXPECT_EQ(send_one("note", model::Output::Heatmaps), DeliveryOutcome::Rejected);
    EXPECT_TRUE(uncounted->flush(kPatience));
    EXPECT_THAT(values(), ElementsAre("note"));
    EXPECT_EQ(budget.used(), 0U);
    EXPECT_EQ(registry.counter(metric::kIngested).value(), 0);
    for (const char* const reason : {"too_large", "unwired", "queue_full", "write_failed"})
        EXPECT_EQ(failures(reason), 0) << reason;
}

TEST_F(StoreTest, RejectsARecordForAnOutputWithoutATopic) {
    start();
    auto group = sink->open(1, budget);
    add(*group, "v", "k", {}, {.output = model::Output::AiOverflow});
    EXPECT_EQ(wait(send(std::move(group))), DeliveryOutcome::Rejected);
    EXPECT_EQ(failures("unwired"), 1);
}

TEST_F(StoreTest, TellsThroughCommitThatTheBudgetRefused) {
    start();
    base::Budget small(2000, 2000);
    {
        auto group = sink->open(1, small);
        group->begin({}, 10).append(std::string(5000, 'x'));
        EXPECT_FALSE(group->commit("k", {}));
    }
    EXPECT_EQ(small.used(), 0U);
}

TEST_F(StoreTest, DeletesTheOldestBeyondTheRowCap) {
    start({.max_rows = 5});
    for (auto const* v : {"1", "2", "3", "4"})
        ASSERT_EQ(store({v}), DeliveryOutcome::Delivered);
    ASSERT_EQ(store({"5", "6", "7"}), DeliveryOutcome::Delivered);
    EXPECT_THAT(values(), ElementsAre("3", "4", "5", "6", "7"));
    sink.reset();
    start({.max_rows = 3});
    ASSERT_EQ(store({"8"}), DeliveryOutcome::Delivered);
    EXPECT_THAT(values(), ElementsAre("6", "7", "8"));
}

TEST_F(StoreTest, DeletesTheOldestBeyondTheByteCapAndReusesTheirPages) {
    start({.max_bytes = 1 << 20});
    std::string const value(50'000, 'x');
    for (int i = 0; i < 100; ++i)
        ASSERT_EQ(store({value}), DeliveryOutcome::Delivered);
    auto const stored = rows();
    EXPECT_GT(stored.size(), 5U);
    EXPECT_LE(stored.size(), 22U);
    EXPECT_EQ(stored.back().id, 100);
    sink.reset();  // the last connection folds the log into the file
    EXPECT_LT(std::filesystem::file_size(path), 3U << 20);
}

TEST_F(StoreTest, NeverDeletesWhatItIsAboutToAcknowledge) {
    start({.max_rows = 1});
    ASSERT_EQ(store({"1", "2", "3"}), DeliveryOutcome::Delivered);
    EXPECT_THAT(values(), ElementsAre("1", "2", "3"));
}

TEST_F(StoreTest, RefusesAFileThatIsNotAStore) {
    OtherConnection(path).run("CREATE TABLE other(x)");
    auto const opened = StoreSink::open(path, table, registry, telemetry::Logger::silent(), clock);
    ASSERT_FALSE(opened.has_value());
    EXPECT_THAT(opened.error(), testing::AllOf(HasSubstr(path), HasSubstr("not a store")));
}

TEST_F(StoreTest, RefusesAnotherSchemaVersion) {
    start();
    sink.reset();
    OtherConnection(path).run("PRAGMA user_version=2");
    auto const opened = StoreSink::open(path, table, registry, telemetry::Logger::silent(), clock);
    ASSERT_FALSE(opened.has_value());
    EXPECT_THAT(opened.error(), HasSubstr("schema version 2"));
}

TEST_F(StoreTest, RefusesAFileThatIsNotADatabase) {
    std::ofstream(path) << "this is not a database at all, and long enough to tell";
    auto const opened = StoreSink::open(path, table, registry, telemetry::Logger::silent(), clock);
    ASSERT_FALSE(opened.has_value());
    EXPECT_THAT(opened.error(), HasSubstr(path));
}

TEST_F(StoreTest, ReaderFollowsAWriter) {
    EXPECT_FALSE(StoreReader::open(path).has_value());
    start();
    auto reader = StoreReader::open(path);
    ASSERT_TRUE(reader.has_value()) << reader.error();
    EXPECT_EQ(reader->last_id(), 0);
    EXPECT_TRUE(reader->changed());
    EXPECT_FALSE(reader->changed());
    ASSERT_EQ(store({"a", "b", "c"}), DeliveryOutcome::Delivered);
    EXPECT_TRUE(reader->changed());
    EXPECT_FALSE(reader->changed());
    auto const first = reader->after(0, 2);
    ASSERT_TRUE(first.has_value());
    ASSERT_EQ(first->size(), 2U);
    auto const second = reader->after(first->back().id, 2);
    ASSERT_EQ(second->size(), 1U);
    EXPECT_EQ(second->front().value, "c");
    EXPECT_EQ(reader->last_id(), second->front().id);
    EXPECT_FALSE(reader->moved());
    std::filesystem::rename(path, path + ".old");
    EXPECT_TRUE(reader->moved());
}

TEST_F(StoreTest, ReaderTakesLargeRecordsAFewAtATime) {
    start();
    std::string const large(20 << 20, 'x');
    for (int i = 0; i < 3; ++i)
        ASSERT_EQ(store({large}), DeliveryOutcome::Delivered);
    auto reader = StoreReader::open(path);
    ASSERT_TRUE(reader.has_value()) << reader.error();
    auto const first = reader->after(0, 500);
    ASSERT_TRUE(first.has_value());
    ASSERT_EQ(first->size(), 2U);
    EXPECT_EQ(reader->after(first->back().id, 500)->size(), 1U);
}

}  // namespace
}  // namespace capture::sink
