// The embedded, durable leaf of `capture --dev`: records go into a SQLite file instead of Kafka,
// with the same topic, key, headers and value. Decision 26.
//
// One writer thread commits whatever has gathered, in one transaction (WAL, synchronous=FULL); a
// group's callback runs on that thread after the commit is on disk. A group is stored entirely or
// not at all. `kill -9` loses nothing that was reported.
//
// The file, to be read with sink/store/reader.h or the sqlite3 program (user_version 1):
//   records(id INTEGER PRIMARY KEY, time_ms INTEGER, topic TEXT, key TEXT or null,
//           headers TEXT, value BLOB)
// `headers` is a JSON array of [name, value or null] in wire order.
//
// Trouble: when the queue is full, the disk is full or the file is locked, groups end with
// Retryable; the writer reopens the file after an error, and makes a new one when the file was
// taken away.
//
// Retention: above `max_rows` rows or `max_bytes` bytes the oldest records are deleted; the file
// does not shrink, its pages are used again.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "base/clock.h"
#include "model/output.h"
#include "sink/outputs.h"
#include "sink/sink.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace capture::sink {

struct StoreOptions {
    std::size_t queue_bytes = 64U << 20;  ///< waiting or being written
    std::size_t queue_records = 100'000;
    std::int64_t max_rows = 1'000'000;
    std::int64_t max_bytes = std::int64_t{1} << 30;
    /// By output, as `message.max.bytes` of its Kafka producer: a record above it ends its group
    /// with TooLargeAtSend, its predecessors are stored. 0 = no limit.
    std::array<std::size_t, model::kOutputCount> message_max_bytes{};
    std::chrono::milliseconds busy_timeout{5'000};  ///< waiting for another process's write lock
    std::chrono::milliseconds retry_interval{500};  ///< between attempts to reopen after an error
};

class StoreSink final : public Sink {
  public:
    /// Opens or creates the file (and its directory). The error names the path. Everything passed
    /// must outlive the sink, and so must the budgets passed to open().
    static std::expected<std::unique_ptr<StoreSink>, std::string> open(
        const std::string& path, const OutputTable& outputs, telemetry::Registry& registry,
        telemetry::Logger& log, const base::Clock& clock, const StoreOptions& options = {});
    /// Writes what is queued, then ends the writer.
    ~StoreSink() override;

    /// Null when the queue has no room for that many records.
    RecordGroupPtr open(std::size_t records, base::Budget& budget) override;
    bool flush(std::chrono::milliseconds limit) override;

    /// A second way into the same file, for records that are no events: the same queue and writer,
    /// but in none of the metrics. Must not be used after this sink is gone.
    std::unique_ptr<Sink> uncounted();

  private:
    class Group;
    class Writer;
    class Uncounted;
    explicit StoreSink(std::unique_ptr<Writer> writer);
    const std::unique_ptr<Writer> writer_;
};

}  // namespace capture::sink
