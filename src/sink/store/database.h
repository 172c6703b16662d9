// SQLite, with the errors as texts and the handles freed. Inside sink/store only.
//
// A Database and its Statements belong to one thread.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace capture::sink::store {

template <typename T>
using Outcome = std::expected<T, std::string>;

class Statement {
  public:
    Statement() = default;

    /// Positions start at 1. What a view shows must stay until reset().
    void bind(int position, std::int64_t value);
    void bind_text(int position, std::optional<std::string_view> value);
    void bind_blob(int position, std::string_view value);
    /// True: a row is there. False: done.
    Outcome<bool> step();
    void reset();

    std::int64_t integer(int column) const;
    /// Nothing for SQL's null; valid until the next step().
    std::optional<std::string_view> bytes(int column) const;

  private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };
    std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

class Database {
  public:
    enum class Access { Write, Read };

    /// Write: creates the file, its directory and the schema where missing, and makes every commit
    /// durable (WAL, synchronous=FULL). Read: the file must be there. Refuses files that are not a
    /// store, or of another schema version.
    static Outcome<Database> open(const std::string& path, Access access, int busy_timeout_ms);

    Outcome<void> execute(const char* sql);
    Outcome<Statement> prepare(const char* sql);
    /// The first column of the first row; 0 when there is none.
    Outcome<std::int64_t> number(const char* sql);
    std::int64_t last_insert_id() const;
    /// Whether the file was deleted or replaced under this connection.
    bool moved() const;

  private:
    struct Close {
        void operator()(sqlite3* handle) const;
    };
    Outcome<void> set_up_writer(const std::string& path);
    Outcome<void> set_up_reader(const std::string& path);
    std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace capture::sink::store
