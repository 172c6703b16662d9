// Text → EventBatch: full JSON validation, the four request shapes with exact typing and
// fall-through, hydration. Contract 10 §7.
#pragma once

#include <memory>

#include "base/arena.h"
#include "model/body.h"
#include "model/error.h"
#include "model/event.h"

namespace capture::parse::analytics_v0 {

/// Owns the JSON parser's scratch memory; reuse it. One thread at a time (one per worker, one per
/// pool thread).
class Reader {
  public:
    Reader();
    ~Reader();

    /// `engage`: the path starts with /engage, where nameless events are `$identify`. Unescaped
    /// strings go to `arena`; that and the batch's event array are charged to `budget` (may be
    /// null). Does not remove `$performance_event`. Errors: ReqParsing, ReqHydration,
    /// ServiceUnavailable (budget).
    model::Result<model::EventBatch> read(const model::DecodedBody& body, bool engage,
                                          base::Arena& arena, base::Budget* budget);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// EmptyBatch when there is no event; otherwise removes `$performance_event`s (the batch may end up
/// empty, which is success: contract 10 §7).
model::Result<void> drop_performance_events(model::EventBatch& batch);

/// The request's token (contract 10 §8): presence, consistency, shape; trimmed. Errors: NoToken,
/// MultipleTokens, InvalidToken.
model::Result<std::string_view> request_token(const model::EventBatch& batch);

}  // namespace capture::parse::analytics_v0
