// Events that the operator wants dropped, from DROP_EVENTS_BY_TOKEN_DISTINCT_ID. Contract 30 §6.
// Immutable; any thread.
//
//   phc_a,phc_b:user-1        everything of phc_a; of phc_b what user-1 sends
//
// No blanks are trimmed, `*` and `;` are ordinary characters, and what follows a second `:` is
// ignored.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <string>
#include <string_view>

#include "limits/text_hash.h"
#include "telemetry/log.h"

namespace capture::limits {

class TokenDropper {
  public:
    TokenDropper() = default;
    /// Entries without any part are named in a warning and skipped.
    TokenDropper(std::string_view list, telemetry::Logger& logger);

    /// What is dropped of one token.
    struct Entry {
        bool all = false;
        absl::flat_hash_set<std::string, TextHash, TextEqual> ids;

        bool drops(std::string_view distinct_id) const { return all || ids.contains(distinct_id); }
    };

    bool empty() const { return tokens_.empty(); }
    /// Null when nothing of the token is.
    const Entry* of(std::string_view token) const;

  private:
    absl::flat_hash_map<std::string, Entry, TextHash, TextEqual> tokens_;
};

}  // namespace capture::limits
