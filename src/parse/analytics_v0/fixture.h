// What the tests of this folder share: a request read from text, and processed with a clock that
// stands still.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "parse/analytics_v0/processor.h"
#include "parse/analytics_v0/reader.h"

namespace capture::parse::analytics_v0 {

/// 2026-07-01T12:00:00.5Z
inline constexpr base::Instant kTestNow{1'782'907'200, 500'000'000};

class AnalyticsFixture : public ::testing::Test {
  protected:
    model::Result<model::EventBatch> read(std::string_view text, bool engage = false) {
        body_.text = base::Buffer();
        EXPECT_TRUE(body_.text.append(text));
        return reader_.read(body_, engage, arena_, &budget_);
    }
    /// The body text of the error, or `ok`.
    std::string refusal(std::string_view text, bool engage = false) {
        auto const batch = read(text, engage);
        return batch ? "ok" : model::body_text(batch.error());
    }
    /// Reads and processes; the events, or none and `error_`.
    std::vector<model::Event> process(std::string_view text) {
        events_.clear();
        error_.clear();
        auto batch = read(text);
        EXPECT_TRUE(batch) << (batch ? "" : model::body_text(batch.error()));
        if (!batch) return {};
        batch_ = std::move(*batch);
        Processor processor(options_, probe_, clock_);
        model::RequestFacts const facts{"phc_test", "203.0.113.7", now_,
                                        sent_at_ ? sent_at_ : batch_.sent_at};
        auto const done = processor.process(batch_, facts, arena_, events_);
        if (done) return events_;
        error_ = model::body_text(done.error());
        return {};
    }
    double gap_count(TimestampPath path, bool later) {
        auto const& gaps = later ? probe_.stored_later : probe_.stored_earlier;
        return static_cast<double>(gaps[static_cast<std::size_t>(path)].count());
    }
    double path_count(TimestampPath path) {
        return probe_.timestamp_path[static_cast<std::size_t>(path)].value();
    }

    /// The text that will be written as `data`, by the rules of contract 10 §12.1.
    static std::string data_text(const model::EventData& data) {
        std::string out = "{";
        auto const field = [&out](std::string_view key, std::string_view value) {
            if (value.empty()) return;
            if (out.size() > 1) out += ',';
            out += '"';
            out += key;
            out += "\":";
            out += value;
        };
        std::string uuid = "null";
        if (data.uuid) {
            uuid.assign(base::Uuid::kTextSize + 2, '"');
            data.uuid->format(uuid.data() + 1);
        }
        std::string properties(data.properties);
        if (data.edited) {
            properties = "{";
            for (std::string_view const run : data.members) {
                if (properties.size() > 1) properties += ',';
                properties += run;
            }
            properties += '}';
        }
        field("token", data.token);
        field("distinct_id", data.distinct_id);
        field("uuid", uuid);
        field("event", data.event);
        field("properties", properties);
        field("timestamp", data.timestamp);
        field("offset", data.offset);
        field("$set", data.set);
        field("$set_once", data.set_once);
        out += '}';
        EXPECT_EQ(model::data_size(data), out.size()) << out;
        return out;
    }

    base::Budget budget_{std::size_t{1} << 30, std::size_t{1} << 30};
    model::DecodedBody body_;
    base::Arena arena_;
    Reader reader_;
    ProcessorOptions options_;
    telemetry::Registry registry_{"test", "events"};
    Probe probe_{registry_};
    base::ManualClock clock_{kTestNow};
    base::Instant now_ = kTestNow;
    std::optional<model::SentAt> sent_at_;
    model::EventBatch batch_;
    std::vector<model::Event> events_;
    std::string error_;
};

}  // namespace capture::parse::analytics_v0
