#include "sink/store/store_sink.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/charged_memory.h"
#include "base/thread_name.h"
#include "sink/probe.h"
#include "sink/store/database.h"
#include "sink/store/headers.h"
#include "telemetry/rate_limited.h"

namespace capture::sink {
namespace {

using model::DeliveryOutcome;
using store::Database;
using store::Outcome;
using store::Statement;

constexpr const char* kTarget = "capture::sinks::store";
constexpr std::size_t kRowOverhead = 64;

std::size_t varint_bytes(std::size_t length) {
    std::size_t bytes = 1;
    for (length = 2 * length; length >= 128; length >>= 7)
        ++bytes;  // zigzag
    return bytes;
}

/// What Kafka's client compares with message.max.bytes: the record in message format 2.
std::size_t wire_size(std::size_t value, std::size_t key,
                      std::span<const model::RecordHeader> headers) {
    constexpr std::size_t kFraming = 36;
    std::size_t bytes = kFraming + value + key;
    for (auto const& h : headers) {
        std::size_t const size = h.value ? h.value->size() : 0;
        bytes += varint_bytes(h.name.size()) + h.name.size() + varint_bytes(size) + size;
    }
    return bytes;
}

/// The file and its prepared statements. Belongs to the writer thread.
struct File {
    Database database;
    Statement insert;
    Statement remove;
    std::int64_t oldest = 0;  ///< first id; 0 = empty
    std::int64_t newest = 0;
    std::int64_t page_size = 0;

    static Outcome<File> open(const std::string& path, int busy_timeout_ms);
    std::int64_t rows() const { return oldest == 0 ? 0 : newest - oldest + 1; }
    Outcome<void> remove_up_to(std::int64_t id);
    /// Deletes the oldest records beyond the caps, but nothing from `keep_from` on.
    Outcome<void> retain(const StoreOptions& options, std::int64_t keep_from);
};

Outcome<File> File::open(const std::string& path, int busy_timeout_ms) {
    auto database = Database::open(path, Database::Access::Write, busy_timeout_ms);
    if (!database) return std::unexpected(database.error());
    auto insert = database->prepare(
        "INSERT INTO records(time_ms, topic, key, headers, value) VALUES(?1, ?2, ?3, ?4, ?5)");
    if (!insert) return std::unexpected(path + ": " + insert.error());
    auto remove = database->prepare("DELETE FROM records WHERE id <= ?1");
    if (!remove) return std::unexpected(path + ": " + remove.error());
    auto const oldest = database->number("SELECT min(id) FROM records");
    auto const newest = database->number("SELECT max(id) FROM records");
    auto const page_size = database->number("PRAGMA page_size");
    if (!oldest || !newest || !page_size) return std::unexpected(path + ": cannot be read");
    return File{
        std::move(*database), std::move(*insert), std::move(*remove), *oldest, *newest, *page_size};
}

Outcome<void> File::remove_up_to(std::int64_t id) {
    remove.bind(1, id);
    auto const done = remove.step();
    remove.reset();
    if (!done) return std::unexpected(done.error());
    oldest = id + 1;
    return {};
}

Outcome<void> File::retain(const StoreOptions& options, std::int64_t keep_from) {
    std::int64_t last = newest - options.max_rows;
    auto const pages = database.number("PRAGMA page_count");
    auto const free_pages = database.number("PRAGMA freelist_count");
    if (!pages || !free_pages) return std::unexpected("page counts cannot be read");
    std::int64_t const bytes = (*pages - *free_pages) * page_size;
    if (bytes > options.max_bytes && rows() > 0) {
        // By average size, and a little more so that this is not needed with every commit.
        std::int64_t const average = std::max<std::int64_t>(bytes / rows(), 1);
        last = std::max(last, oldest + (bytes - options.max_bytes) / average + rows() / 64);
    }
    last = std::min(last, keep_from - 1);
    return last >= oldest ? remove_up_to(last) : Outcome<void>{};
}

}  // namespace

/// A request's records in one block of memory.
class StoreSink::Group final : public RecordGroup {
  public:
    Group(Writer& writer, base::Budget& budget, bool counted = true)
        : writer_(writer), counted_(counted) {
        memory_.attach(budget);
    }

    base::ByteWriter& begin(const model::Destination& destination, std::size_t size_hint) override;
    bool commit(std::optional<std::string_view> key,
                std::span<const model::RecordHeader> headers) override;
    void submit(DeliveryCallback done) override;

    std::size_t records() const { return rows_.size(); }
    std::size_t bytes() const { return memory_.total(); }
    /// Adds to a metric, unless this group is in none.
    void count(const telemetry::Counter& counter, std::size_t records) const {
        if (counted_) counter.add(static_cast<double>(records));
    }
    Outcome<void> write(File& file) const;
    /// Ends the group: tells the outcome unless that was done already, and frees itself.
    void finish(DeliveryOutcome outcome);

  private:
    /// Offsets ascend: topic, value, key, headers.
    struct Row {
        std::size_t topic, value, key, headers, end;
        bool null_key;
    };
    Writer& writer_;
    const bool counted_;
    base::ChargedMemory memory_;
    std::vector<Row> rows_;
    std::size_t committed_ = 0;
    Row open_{};
    std::size_t limit_ = 0;                   ///< of the open row
    std::optional<DeliveryOutcome> failure_;  ///< of the row after the last one kept
    DeliveryCallback done_;
    std::int64_t time_ms_ = 0;
};

/// The queue, the writer thread and the file.
class StoreSink::Writer {
  public:
    Writer(std::string path, File file, const OutputTable& outputs, telemetry::Registry& registry,
           telemetry::Logger& log, const base::Clock& clock, const StoreOptions& options)
        : outputs_(outputs),
          probe_(registry),
          clock_(clock),
          options_(options),
          path_(std::move(path)),
          log_(log),
          file_(std::move(file)),
          thread_([this] { run(); }) {}
    ~Writer() {
        {
            std::lock_guard const lock(mutex_);
            stopping_ = true;
        }
        work_.notify_one();
        thread_.join();
    }

    bool has_room(std::size_t records) {
        std::lock_guard const lock(mutex_);
        return queued_records_ + records <= options_.queue_records &&
               queued_bytes_ < options_.queue_bytes;
    }
    bool push(Group& group) {
        {
            std::lock_guard const lock(mutex_);
            if (queued_records_ + group.records() > options_.queue_records ||
                queued_bytes_ + group.bytes() > options_.queue_bytes) {
                return false;
            }
            queued_records_ += group.records();
            queued_bytes_ += group.bytes();
            queue_.push_back(&group);
        }
        work_.notify_one();
        return true;
    }
    bool flush(std::chrono::milliseconds limit) {
        std::unique_lock lock(mutex_);
        return idle_.wait_for(lock, limit, [&] { return queued_groups() == 0; });
    }

    const OutputTable& outputs_;
    const StoreProbe probe_;
    const base::Clock& clock_;
    const StoreOptions options_;

  private:
    std::size_t queued_groups() const { return queue_.size() + writing_; }
    void run();
    void write_all(std::vector<Group*>& groups);
    Outcome<void> ensure_open();
    Outcome<void> commit(const std::vector<Group*>& groups);
    Outcome<void> insert_all(const std::vector<Group*>& groups);

    const std::string path_;
    telemetry::Logger& log_;
    telemetry::RateLimited brake_{1, std::chrono::seconds(1)};

    std::mutex mutex_;  ///< guards the queue and its sums, writing_, stopping_
    std::condition_variable work_;
    std::condition_variable idle_;
    std::deque<Group*> queue_;
    std::size_t queued_records_ = 0;
    std::size_t queued_bytes_ = 0;
    std::size_t writing_ = 0;
    bool stopping_ = false;

    std::optional<File> file_;  ///< the thread's; nothing after an error
    std::chrono::steady_clock::time_point next_attempt_{};
    std::thread thread_;
};

// --- Group
// -----------------------------------------------------------------------------------------------------------

base::ByteWriter& StoreSink::Group::begin(const model::Destination& destination,
                                          std::size_t size_hint) {
    auto const topic = writer_.outputs_.topic(destination);
    memory_.start(committed_);
    (void)memory_.room(topic.size() + size_hint);
    memory_.append(topic);
    open_ = Row{.topic = committed_,
                .value = memory_.total(),
                .key = 0,
                .headers = 0,
                .end = 0,
                .null_key = false};
    limit_ = writer_.options_.message_max_bytes[static_cast<std::size_t>(destination.output)];
    memory_.start(open_.value);
    return memory_;
}

bool StoreSink::Group::commit(std::optional<std::string_view> key,
                              std::span<const model::RecordHeader> headers) {
    if (!memory_.add_charge(sizeof(Row) + kRowOverhead)) return false;
    open_.key = memory_.total();
    open_.null_key = !key;
    if (key) memory_.append(*key);
    open_.headers = memory_.total();
    store::write_headers(memory_, headers);
    open_.end = memory_.total();
    if (failure_) return !memory_.refused();
    if (open_.topic == open_.value) {
        failure_ = DeliveryOutcome::Rejected;
        count(writer_.probe_.unwired, 1);
    } else if (limit_ != 0 &&
               wire_size(open_.key - open_.value, open_.headers - open_.key, headers) > limit_) {
        failure_ = DeliveryOutcome::TooLargeAtSend;
        count(writer_.probe_.too_large, 1);
    } else {
        rows_.push_back(open_);
        committed_ = open_.end;
    }
    return !memory_.refused();
}

void StoreSink::Group::submit(DeliveryCallback done) {
    memory_.start(committed_);
    time_ms_ = writer_.clock_.now().millis();
    done_ = std::move(done);
    if (failure_) std::exchange(done_, {})(*failure_);
    if (rows_.empty()) return finish(DeliveryOutcome::Delivered);
    if (writer_.push(*this)) return;
    count(writer_.probe_.queue_full, rows_.size());
    finish(DeliveryOutcome::Retryable);
}

Outcome<void> StoreSink::Group::write(File& file) const {
    for (auto const& row : rows_) {
        file.insert.bind(1, time_ms_);
        file.insert.bind_text(2, memory_.at(row.topic, row.value - row.topic));
        file.insert.bind_text(3, row.null_key
                                     ? std::nullopt
                                     : std::optional(memory_.at(row.key, row.headers - row.key)));
        file.insert.bind_text(4, memory_.at(row.headers, row.end - row.headers));
        file.insert.bind_blob(5, memory_.at(row.value, row.key - row.value));
        auto const done = file.insert.step();
        file.insert.reset();
        if (!done) return std::unexpected(done.error());
    }
    return {};
}

void StoreSink::Group::finish(DeliveryOutcome outcome) {
    auto const done = std::move(done_);
    delete this;
    if (done) done(outcome);
}

// --- Writer
// ----------------------------------------------------------------------------------------------------------

void StoreSink::Writer::run() {
    base::ThreadName const name("store-writer");
    std::unique_lock lock(mutex_);
    while (true) {
        work_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        std::vector<Group*> groups(queue_.begin(), queue_.end());
        queue_.clear();
        writing_ = groups.size();
        std::size_t records = 0;
        std::size_t bytes = 0;
        for (auto const* g : groups) {
            records += g->records();
            bytes += g->bytes();
        }
        lock.unlock();
        write_all(groups);
        lock.lock();
        queued_records_ -= records;
        queued_bytes_ -= bytes;
        writing_ = 0;
        if (queue_.empty()) idle_.notify_all();
    }
}

void StoreSink::Writer::write_all(std::vector<Group*>& groups) {
    auto const started = clock_.steady();
    auto const done = commit(groups);
    probe_.commit_seconds.observe(std::chrono::duration<double>(clock_.steady() - started).count());
    if (!done) {
        if (auto const pass = brake_.pass(clock_.steady())) {
            log_.error(
                kTarget, "Records could not be stored",
                {{"path", path_}, {"error", done.error()}, {"suppressed", pass->suppressed}});
        }
    }
    for (auto* const group : groups) {
        group->count(done ? probe_.ingested : probe_.write_failed, group->records());
        group->finish(done ? DeliveryOutcome::Delivered : DeliveryOutcome::Retryable);
    }
}

Outcome<void> StoreSink::Writer::ensure_open() {
    if (file_ && !file_->database.moved()) return {};
    if (file_)
        log_.warn(kTarget, "The store's file was taken away; making a new one", {{"path", path_}});
    file_.reset();
    auto const now = clock_.steady();
    if (now < next_attempt_) return std::unexpected("closed after an error");
    next_attempt_ = now + options_.retry_interval;
    auto file = File::open(path_, static_cast<int>(options_.busy_timeout.count()));
    if (!file) return std::unexpected(file.error());
    file_.emplace(std::move(*file));
    return {};
}

Outcome<void> StoreSink::Writer::insert_all(const std::vector<Group*>& groups) {
    std::int64_t const before = file_->newest;
    for (auto const* const group : groups) {
        if (auto written = group->write(*file_); !written) return written;
    }
    file_->newest = file_->database.last_insert_id();
    if (file_->oldest == 0) file_->oldest = before + 1;
    return file_->retain(options_, before + 1);
}

Outcome<void> StoreSink::Writer::commit(const std::vector<Group*>& groups) {
    if (auto ready = ensure_open(); !ready) return ready;
    auto done = file_->database.execute("BEGIN IMMEDIATE");
    if (done) done = insert_all(groups);
    if (done) done = file_->database.execute("COMMIT");
    if (!done) file_.reset();  // rolls back; nothing is known about the connection's state
    return done;
}

/// A way in for records that are no events.
class StoreSink::Uncounted final : public Sink {
  public:
    explicit Uncounted(Writer& writer) : writer_(writer) {}
    RecordGroupPtr open(std::size_t records, base::Budget& budget) override {
        return writer_.has_room(records) ? std::make_unique<Group>(writer_, budget, false)
                                         : nullptr;
    }
    bool flush(std::chrono::milliseconds limit) override { return writer_.flush(limit); }

  private:
    Writer& writer_;
};

// --- StoreSink
// -------------------------------------------------------------------------------------------------------

std::expected<std::unique_ptr<StoreSink>, std::string> StoreSink::open(
    const std::string& path, const OutputTable& outputs, telemetry::Registry& registry,
    telemetry::Logger& log, const base::Clock& clock, const StoreOptions& options) {
    auto file = File::open(path, static_cast<int>(options.busy_timeout.count()));
    if (!file) return std::unexpected(file.error());
    log.info(kTarget, "Records are kept in the embedded store",
             {{"path", path}, {"records", file->rows()}});
    auto writer =
        std::make_unique<Writer>(path, std::move(*file), outputs, registry, log, clock, options);
    return std::unique_ptr<StoreSink>(new StoreSink(std::move(writer)));
}

StoreSink::StoreSink(std::unique_ptr<Writer> writer) : writer_(std::move(writer)) {}
StoreSink::~StoreSink() = default;

RecordGroupPtr StoreSink::open(std::size_t records, base::Budget& budget) {
    if (!writer_->has_room(records)) {
        writer_->probe_.queue_full.add(static_cast<double>(records));
        return nullptr;
    }
    return std::make_unique<Group>(*writer_, budget);
}

std::unique_ptr<Sink> StoreSink::uncounted() {
    return std::make_unique<Uncounted>(*writer_);
}

bool StoreSink::flush(std::chrono::milliseconds limit) {
    return writer_->flush(limit);
}

}  // namespace capture::sink
