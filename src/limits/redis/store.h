// What the limiters ask of a Redis: commands in, replies out, failures as values.
//
// Store is what they hold. Client (one connection), SplitStore (reader and writer) and MemoryStore
// (tests, benchmarks) implement it. Everything here runs on the housekeeping io_context only.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"

namespace capture::limits::redis {

enum class Failure : std::uint8_t {
    Unreachable,  ///< no connection, or it broke before the reply
    Timeout,      ///< no reply in time; the command may still be carried out
    QueueFull,    ///< too many commands are waiting already
    Refused,      ///< the server answered with an error
    Protocol,     ///< a reply of an unexpected kind
};
const char* to_text(Failure failure);

struct Error {
    Failure failure;
    std::string message;  ///< for a log line; never holds a password or a payload
};

template <typename T>
using Result = std::expected<T, Error>;

struct Reply {
    enum class Kind : std::uint8_t { Nil, Status, Error, Integer, Text, Array };

    Kind kind = Kind::Nil;
    std::int64_t integer = 0;
    std::string text;  ///< Status, Error, Text
    std::vector<Reply> items;
};
using Replies = std::vector<Reply>;

/// Commands that travel together, already in wire form (made by hiredis' formatter).
class Commands {
  public:
    Commands() = default;
    explicit Commands(std::initializer_list<std::string_view> only) { add(only); }

    void add(std::initializer_list<std::string_view> arguments) {
        add(std::span<const std::string_view>(arguments.begin(), arguments.size()));
    }
    void add(std::span<const std::string_view> arguments);

    std::string_view wire() const { return wire_; }
    std::size_t count() const { return count_; }
    /// Every command only reads (GET, MGET, ZRANGEBYSCORE): a reader endpoint may answer.
    bool read_only() const { return read_only_; }

  private:
    std::string wire_;
    std::size_t count_ = 0;
    bool read_only_ = true;
};

inline constexpr std::chrono::milliseconds kDefaultTimeout{-1};

class Store {
  public:
    virtual ~Store() = default;
    /// One reply per command, in order; a server's error is a Reply of kind Error. `timeout` bounds
    /// the whole call (connecting included) in addition to the client's own response timeout.
    virtual base::Task<Result<Replies>> run(
        Commands commands, std::chrono::milliseconds timeout = kDefaultTimeout) = 0;
};

/// One command; a server's error becomes Failure::Refused.
base::Task<Result<Reply>> command(Store& store, Commands one,
                                  std::chrono::milliseconds timeout = kDefaultTimeout);

/// GET: nothing when the key is missing or its value empty; a zstd frame is decoded (contract 30
/// §2).
base::Task<Result<std::optional<std::string>>> get(
    Store& store, std::string key, std::chrono::milliseconds timeout = kDefaultTimeout);

/// The members of a sorted set whose score is at least `minimum`.
base::Task<Result<std::vector<std::string>>> members_from(Store& store, std::string key,
                                                          std::int64_t minimum);

/// The value as a writer meant it: decoded when it is a whole zstd frame of at most 256 MiB, else
/// as it is. `broken` is set when it starts like one and cannot be decoded.
std::string decode_value(std::string value, bool* broken = nullptr);

}  // namespace capture::limits::redis
