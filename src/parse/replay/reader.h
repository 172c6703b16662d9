// Text → the events of a recording: full JSON validation, one event object or an array of them,
// with the types of contract 40 §4. Of an event's properties only those are kept that some later
// step asks for, as slices of the client's bytes; `$snapshot_data`, nearly all of the text, is
// passed once and never copied.
#pragma once

#include <memory>

#include "base/arena.h"
#include "model/body.h"
#include "model/error.h"
#include "model/event.h"

namespace capture::parse::replay {

/// Owns the JSON parser's scratch memory; reuse it. One thread at a time (one per worker, one per
/// pool thread).
class Reader {
  public:
    Reader();
    ~Reader();

    /// At least one event, each with `facts.snapshot`. Unescaped strings and the snapshot facts go
    /// to `arena`; events and facts are charged to `budget` (may be null). Errors: ReqParsing,
    /// EmptyBatch, ServiceUnavailable (budget).
    model::Result<model::EventBatch> read(const model::DecodedBody& body, base::Arena& arena,
                                          base::Budget* budget);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// The request's token: that of the first event (contract 40 §5), trimmed. Errors: NoToken,
/// InvalidToken.
model::Result<std::string_view> request_token(const model::EventBatch& batch);

}  // namespace capture::parse::replay
