#include "sink/store/database.h"

#include <sqlite3.h>

#include <filesystem>
#include <system_error>

namespace capture::sink::store {
namespace {

constexpr std::int64_t kSchemaVersion = 1;
constexpr std::int64_t kApplicationId = 0x43505452;  // "CPTR"

constexpr const char* kPragmas =
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA journal_size_limit=67108864;";

constexpr const char* kSchema =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS records("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " time_ms INTEGER NOT NULL,"
    " topic TEXT NOT NULL,"
    " key TEXT,"
    " headers TEXT NOT NULL,"
    " value BLOB NOT NULL);"
    "PRAGMA application_id=1129337938;"
    "PRAGMA user_version=1;"
    "COMMIT;";
static_assert(kSchemaVersion == 1 && kApplicationId == 1129337938);

std::string error_text(sqlite3* handle) {
    return handle ? std::string(sqlite3_errmsg(handle)) : std::string("out of memory");
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}
void Database::Close::operator()(sqlite3* handle) const {
    sqlite3_close_v2(handle);
}

void Statement::bind(int position, std::int64_t value) {
    sqlite3_bind_int64(handle_.get(), position, value);
}

void Statement::bind_text(int position, std::optional<std::string_view> value) {
    if (!value) {
        sqlite3_bind_null(handle_.get(), position);
    } else {
        sqlite3_bind_text64(handle_.get(), position, value->data() ? value->data() : "",
                            value->size(), SQLITE_STATIC, SQLITE_UTF8);
    }
}

void Statement::bind_blob(int position, std::string_view value) {
    sqlite3_bind_blob64(handle_.get(), position, value.data() ? value.data() : "", value.size(),
                        SQLITE_STATIC);
}

Outcome<bool> Statement::step() {
    int const code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return std::unexpected(error_text(sqlite3_db_handle(handle_.get())));
}

void Statement::reset() {
    sqlite3_reset(handle_.get());
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(handle_.get(), column);
}

std::optional<std::string_view> Statement::bytes(int column) const {
    if (sqlite3_column_type(handle_.get(), column) == SQLITE_NULL) return std::nullopt;
    const auto* const data = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
    auto const size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
    return size == 0 ? std::string_view("") : std::string_view(data, size);
}

Outcome<Database> Database::open(const std::string& path, Access access, int busy_timeout_ms) {
    bool const write = access == Access::Write;
    if (auto const folder = std::filesystem::path(path).parent_path(); write && !folder.empty()) {
        std::error_code error;
        std::filesystem::create_directories(folder, error);
        if (error) return std::unexpected(folder.string() + ": " + error.message());
    }
    // A reader of a WAL file takes part in its locking, so it opens for writing where it may.
    int const flags =
        SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | (write ? SQLITE_OPEN_CREATE : 0);
    sqlite3* raw = nullptr;
    int const code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
    Database database;
    database.handle_.reset(raw);
    if (code != SQLITE_OK) return std::unexpected(path + ": " + error_text(raw));
    sqlite3_busy_timeout(raw, busy_timeout_ms);
    if (auto ready = write ? database.set_up_writer(path) : database.set_up_reader(path); !ready) {
        return std::unexpected(path + ": " + ready.error());
    }
    return database;
}

Outcome<void> Database::set_up_writer(const std::string& path) {
    auto const tables = number("SELECT count(*) FROM sqlite_master");
    if (!tables) return std::unexpected(tables.error());
    if (*tables != 0) {
        if (auto checked = set_up_reader(path); !checked) return checked;
        return execute(kPragmas);
    }
    if (auto done = execute(kPragmas); !done) return done;
    return execute(kSchema);
}

Outcome<void> Database::set_up_reader(const std::string&) {
    auto const application = number("PRAGMA application_id");
    if (!application) return std::unexpected(application.error());
    if (*application != kApplicationId) return std::unexpected("is not a store of capture");
    auto const version = number("PRAGMA user_version");
    if (!version) return std::unexpected(version.error());
    if (*version != kSchemaVersion) {
        return std::unexpected("has schema version " + std::to_string(*version) +
                               ", this program reads " + std::to_string(kSchemaVersion) +
                               "; move the file away to start a new one");
    }
    return {};
}

Outcome<void> Database::execute(const char* sql) {
    if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
    return std::unexpected(error_text(handle_.get()));
}

Outcome<Statement> Database::prepare(const char* sql) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) !=
        SQLITE_OK) {
        return std::unexpected(error_text(handle_.get()));
    }
    Statement statement;
    statement.handle_.reset(raw);
    return statement;
}

Outcome<std::int64_t> Database::number(const char* sql) {
    auto statement = prepare(sql);
    if (!statement) return std::unexpected(statement.error());
    auto const row = statement->step();
    if (!row) return std::unexpected(row.error());
    return *row ? statement->integer(0) : 0;
}

std::int64_t Database::last_insert_id() const {
    return sqlite3_last_insert_rowid(handle_.get());
}

bool Database::moved() const {
    int moved = 0;
    return sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
               SQLITE_OK &&
           moved != 0;
}

}  // namespace capture::sink::store
