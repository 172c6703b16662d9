// The one way from wire bytes to text: chooses the payload, peels base64 and forms, inflates, each
// under one absolute cap counted while output is produced. No codec is called anywhere else.
// Contract 10 §6.
//
//   query data or body → whole-payload base64 → form wrapper → gzip | lz-string | UTF-8 check
//   → one more base64 peel
#pragma once

#include <cstddef>
#include <string_view>

#include "base/budget.h"
#include "base/buffer.h"
#include "decode/probe.h"
#include "decode/query.h"
#include "model/body.h"
#include "model/error.h"
#include "telemetry/log.h"

namespace capture::decode {

struct PayloadInput {
    base::Buffer body;              ///< wire body; may be empty
    const Query& query;             ///< `data` and `compression`
    std::string_view content_type;  ///< as sent
    std::string_view content_encoding;
    /// /e, /capture*, /engage*, /track*: base64 peel without a hint (contract 10 §6.6).
    bool old_path = false;
};

/// Thread: any, several calls at once; keeps no state between calls. The texts are valid UTF-8 and
/// followed by base::Buffer::kSlack readable bytes; a raw uncompressed body is handed on without a
/// copy. Memory at any time is the payload, its decoded form (at most the cap and 8 KiB; 1.5 times
/// the cap for lz-string) and, for lz-string, 8 bytes per code; all of it is charged.
class Gate {
  public:
    Gate(std::size_t decompressed_cap, const Probe& probe, telemetry::Logger& log)
        : cap_(decompressed_cap), probe_(probe), log_(log) {}

    /// Takes the body's memory; output is charged to the same budget (`budget` when there was no
    /// body). Errors: EmptyPayload, ReqDecoding, OversizeEvent, ServiceUnavailable (budget).
    model::Result<model::DecodedBody> open(PayloadInput input, base::Budget* budget) const;

    /// The simpler rules of /test/black_hole (contract 10 §17): a form's `data` is base64, gzip is
    /// known by its magic bytes alone, there are no hints and no other peel. Counts the
    /// capture_test_* metrics of probe.h; the same errors.
    model::Result<model::DecodedBody> open_black_hole(PayloadInput input,
                                                      base::Budget* budget) const;

    std::size_t cap() const { return cap_; }

  private:
    std::size_t cap_;
    const Probe& probe_;
    telemetry::Logger& log_;
};

}  // namespace capture::decode
