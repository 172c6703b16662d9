// The query parameters that the v0 and replay routes read, with the framework's strict typing. Contract 10 §5.3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/error.h"

namespace capture::decode {

struct Query {
    std::string data;                            ///< decoded; empty = absent
    std::optional<std::string> compression;      ///< decoded, not lower-cased
    std::optional<std::int64_t> sent_at_millis;  ///< `_` or `sent_at`
    bool beacon = false;                         ///< beacon=1
};

/// `raw` is the part after `?`, undecoded. Error: BadQuery.
model::Result<Query> read_query(std::string_view raw);

}  // namespace capture::decode
