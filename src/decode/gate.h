// The one way from wire bytes to text: chooses the payload, peels base64 and forms, inflates, each under one absolute
// cap counted while output is produced. No codec is called anywhere else. Contract 10 §6.
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
    base::Buffer body;               ///< wire body; may be empty
    const Query& query;              ///< `data` and `compression`
    std::string_view content_type;   ///< as sent
    std::string_view content_encoding;
    bool old_path = false;           ///< /e, /capture*, /engage*, /track*: base64 peel without a hint (contract 10 §6.6)
};

/// Thread: any, one call at a time per Gate use; keeps no state between calls.
class Gate {
  public:
    Gate(std::size_t decompressed_cap, const Probe& probe, telemetry::Logger& log)
        : cap_(decompressed_cap), probe_(probe), log_(log) {}

    /// Takes the body's memory; output is charged to the same budget (`budget` when there was no body). Errors:
    /// EmptyPayload, ReqDecoding, OversizeEvent, ServiceUnavailable (budget).
    model::Result<model::DecodedBody> open(PayloadInput input, base::Budget* budget) const;

    std::size_t cap() const { return cap_; }

  private:
    std::size_t cap_;
    const Probe& probe_;
    telemetry::Logger& log_;
};

}  // namespace capture::decode
