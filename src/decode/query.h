// The query parameters that the v0 and replay routes read, with the framework's strict typing.
// Contract 10 §5.3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/error.h"

namespace capture::decode {

struct Query {
    std::string data;                        ///< decoded; empty = absent
    std::optional<std::string> compression;  ///< decoded, not lower-cased
    std::optional<std::int64_t>
        sent_at_millis;   ///< `_` or `sent_at`; absent when the year is not 2021 … 9999
    bool beacon = false;  ///< beacon=1
};

/// `raw` is the part after `?`, undecoded; its size is bounded by the cap on request heads, so the
/// decoded strings are not charged to a budget. Error: BadQuery, for a value that is not an integer
/// where one is due (`_`, `sent_at`, `beacon`) and for a known parameter given twice, `_` and
/// `sent_at` counting as one.
model::Result<Query> read_query(std::string_view raw);

}  // namespace capture::decode
