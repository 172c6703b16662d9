// The session replay surface: /s. One request is one recording's piece: its events become one
// record that holds everybody's snapshot items under the first event's metadata. Its steps are
// those of contract 40 §2, the order of checks.
//
// The ledger counts events, not records: a request of n events is n in, and n delivered with its
// one record (or n dropped by a restriction, whatever the drop counter says).
#pragma once

#include <optional>

#include "http/message.h"
#include "parse/replay/processor.h"
#include "parse/replay/reader.h"
#include "pipeline/context.h"
#include "pipeline/intake.h"
#include "telemetry/rate_limited.h"

namespace capture::pipeline {

class Replay final : public http::Handler {
  public:
    /// Wire cap of the body (contract 40 §3.1). The cap after decompression is what one record may
    /// have: the producer's maximum.
    static constexpr std::size_t kBodyCap = 25 * 1024 * 1024;

    Replay(const Context& context, const decode::Probe& decode_probe,
           const parse::Probe& parse_probe);

    base::Task<http::Response> serve(http::Request& request) override;

  private:
    friend class Intake;
    using Reader = parse::replay::Reader;
    using Processor = parse::replay::Processor;
    struct Work;
    struct Waiting;

    // The steps of the way, as intake.h has them.
    model::Result<void> read(Work& work, Reader& reader) const;
    static model::Result<std::string_view> token_of(const model::EventBatch& batch);
    std::optional<http::Response> accept(Work& work, Waiting& waiting) const;
    model::Result<void> build(Work& work, Processor& processor) const;
    std::optional<http::Response> limit(Work& work, Waiting& waiting);

    Processor processor() const { return Processor(parse_probe_); }
    /// Step 12; false when the event is to be dropped.
    bool pass_restrictions(Work& work, Ledger::Entry& entry) const;
    http::Response reject(const Work& work, Waiting& waiting, const model::Error& error);

    const Context& context_;
    const parse::Probe& parse_probe_;
    Intake intake_;
    Arrivals<Work> arrivals_;
    Reader reader_;                                                  ///< of this worker's thread
    Processor processor_;                                            ///< likewise
    telemetry::RateLimited rejections_{1, std::chrono::seconds(1)};  ///< lines about them
};

}  // namespace capture::pipeline
