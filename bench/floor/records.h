// The records of one request: every value, and the key after it, one behind the other in one block
// that is used again for the connection's next request.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/byte_writer.h"

namespace capture::bench {

/// Memory that grows and is written from the start again.
class Block final : public base::ByteWriter {
  public:
    Block() = default;
    ~Block() { std::free(begin_); }
    void clear() { cursor_ = begin_; }
    char* at(std::size_t offset) { return begin_ + offset; }

  private:
    void grow(std::size_t need) override {
        std::size_t const used = size();
        std::size_t const capacity = 2 * (used + need);
        begin_ = static_cast<char*>(std::realloc(begin_, capacity));
        cursor_ = begin_ + used;
        end_ = begin_ + capacity;
    }
};

struct Records {
    struct Record {
        // Offsets from the start of the block.
        std::size_t value;
        std::size_t key;  ///< starts where the value ends
        std::size_t key_end;
        std::size_t uuid;
        // Texts of the headers; they live until the records are produced.
        std::string_view distinct_id;
        std::string_view event;
        std::string_view session_id;
    };

    explicit Records(int of_connection) : socket(of_connection) {}

    int socket;
    Block block;
    std::vector<Record> list;
    // Texts of all of the request's headers.
    std::string_view token;
    std::string_view now;
    std::string_view millis;
    bool lz4 = false;

    std::atomic<std::size_t> undelivered{0};
    std::chrono::steady_clock::time_point produced;
};

}  // namespace capture::bench
