#include "sink/store/reader.h"

#include "sink/store/database.h"
#include "sink/store/headers.h"

namespace capture::sink {
namespace {

constexpr int kBusyTimeoutMs = 2'000;
/// What one call reads into memory, and the record that passes it.
constexpr std::size_t kEnoughBytes = std::size_t{32} << 20;

std::expected<StoredRecord, std::string> record_of(const store::Statement& row) {
    StoredRecord record;
    record.id = row.integer(0);
    record.time = base::Instant::from_millis(row.integer(1));
    record.topic = row.bytes(2).value_or("");
    if (auto const key = row.bytes(3)) record.key.emplace(*key);
    auto headers = store::read_headers(row.bytes(4).value_or(""));
    if (!headers)
        return std::unexpected("record " + std::to_string(record.id) + ": unreadable headers");
    record.headers = std::move(*headers);
    record.value = row.bytes(5).value_or("");
    return record;
}

}  // namespace

struct StoreReader::Impl {
    store::Database database;
    store::Statement select;
    store::Statement version;
    std::int64_t last_version = -1;
};

StoreReader::StoreReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StoreReader::StoreReader(StoreReader&&) noexcept = default;
StoreReader& StoreReader::operator=(StoreReader&&) noexcept = default;
StoreReader::~StoreReader() = default;

std::expected<StoreReader, std::string> StoreReader::open(const std::string& path) {
    auto database = store::Database::open(path, store::Database::Access::Read, kBusyTimeoutMs);
    if (!database) return std::unexpected(database.error());
    auto select = database->prepare(
        "SELECT id, time_ms, topic, key, headers, value FROM records WHERE id > ?1 ORDER BY id "
        "LIMIT ?2");
    if (!select) return std::unexpected(path + ": " + select.error());
    auto version = database->prepare("PRAGMA data_version");
    if (!version) return std::unexpected(path + ": " + version.error());
    auto impl =
        std::make_unique<Impl>(Impl{std::move(*database), std::move(*select), std::move(*version)});
    return StoreReader(std::move(impl));
}

std::expected<std::vector<StoredRecord>, std::string> StoreReader::after(std::int64_t id,
                                                                         std::size_t limit) {
    auto& select = impl_->select;
    select.bind(1, id);
    select.bind(2, static_cast<std::int64_t>(limit));
    std::vector<StoredRecord> records;
    std::string error;
    std::size_t bytes = 0;
    while (error.empty() && bytes < kEnoughBytes) {
        auto const row = select.step();
        if (row && !*row) break;
        auto record = row ? record_of(select) : std::unexpected(row.error());
        if (record) {
            bytes += record->value.size();
            records.push_back(std::move(*record));
        } else {
            error = record.error();
        }
    }
    select.reset();
    if (!error.empty()) return std::unexpected(std::move(error));
    return records;
}

std::expected<std::int64_t, std::string> StoreReader::last_id() {
    return impl_->database.number("SELECT max(id) FROM records");
}

bool StoreReader::changed() {
    auto const row = impl_->version.step();
    std::int64_t const now = row && *row ? impl_->version.integer(0) : impl_->last_version;
    impl_->version.reset();
    return std::exchange(impl_->last_version, now) != now;
}

bool StoreReader::moved() const {
    return impl_->database.moved();
}

}  // namespace capture::sink
