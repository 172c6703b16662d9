// The events of a recording → the one event that is produced: metadata of the first, items of all.
// Contract 40 §7 and §8.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "base/uuid.h"
#include "model/error.h"
#include "model/event.h"
#include "parse/probe.h"

namespace capture::parse::replay {

/// One per worker.
class Processor {
  public:
    explicit Processor(const Probe& probe) : probe_(probe) {}

    /// Steps 1 to 9: everything but the items. `facts.sent_at` is the effective one. Errors:
    /// NoDistinctId, NoSessionId, InvalidSession; the last one's detail says why, and
    /// `out.session_id` is then the offending text (nothing when it is none).
    model::Result<void> describe(const model::EventBatch& batch, const model::RequestFacts& facts,
                                 std::string_view user_agent, base::Arena& arena,
                                 model::Event& out);

    /// Step 10. Error: NoSnapshot, whose detail is `absent` or `wrong_json_type`.
    static model::Result<void> collect_items(const model::EventBatch& batch, base::Arena& arena,
                                             model::Event& out);

  private:
    const Probe& probe_;
    base::UuidSource uuids_;
};

/// The library that a user agent names; `web` when it is none of ours (contract 40 §7.9).
std::string_view library_of(std::string_view user_agent);

}  // namespace capture::parse::replay
