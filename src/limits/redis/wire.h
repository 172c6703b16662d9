// hiredis' incremental reader, owned. Reads replies (client) and commands (test server): both are
// RESP values.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "limits/redis/store.h"

struct redisReader;

namespace capture::limits::redis {

class WireReader {
  public:
    /// A single value may take at most `max_value_bytes` on the wire.
    explicit WireReader(std::size_t max_value_bytes = 256u << 20);

    /// False when the reader is broken already or the bound is passed; drop the connection then.
    [[nodiscard]] bool feed(std::string_view bytes);
    /// The next complete value; nothing when more bytes are needed or the input is not RESP (see
    /// broken()).
    std::optional<Reply> next();
    bool broken() const { return broken_; }

  private:
    struct Free {
        void operator()(redisReader* reader) const;
    };
    std::unique_ptr<redisReader, Free> reader_;
    std::size_t max_value_bytes_;
    std::size_t unfinished_ = 0;
    bool broken_ = false;
};

}  // namespace capture::limits::redis
