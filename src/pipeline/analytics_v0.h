// The legacy (v0) analytics surface: /e, /i/v0/e, /batch, /capture, /track, /engage,
// /i/v0/ai/batch. One handler per worker serves all of them. prepare() reads like contract 10 §9,
// the order of checks.
#pragma once

#include <optional>

#include "http/message.h"
#include "parse/analytics_v0/processor.h"
#include "parse/analytics_v0/reader.h"
#include "pipeline/context.h"
#include "pipeline/intake.h"

namespace capture::pipeline {

class AnalyticsV0 final : public http::Handler {
  public:
    /// Wire cap of the body (contract 10 §4).
    static constexpr std::size_t kBodyCap = 20 * 1024 * 1024;
    /// Cap after decompression.
    static constexpr std::size_t kDecompressedCap = 5 * kBodyCap;

    AnalyticsV0(const Context& context, const decode::Probe& decode_probe,
                const parse::Probe& parse_probe);

    base::Task<http::Response> serve(http::Request& request) override;

  private:
    struct Waiting;

    /// Everything before the wait: from the request to written records, or to the answer if there
    /// are none.
    base::Task<std::optional<http::Response>> prepare(Waiting& waiting);
    model::Result<void> read(Arrival& arrival, parse::analytics_v0::Reader& reader) const;
    void apply_limits(Arrival& arrival, Waiting& waiting);

    const Context& context_;
    Intake intake_;
    parse::analytics_v0::ProcessorOptions processor_options_;
    const parse::Probe& parse_probe_;
    parse::analytics_v0::Reader reader_;  ///< of this worker's thread; large bodies bring their own
    parse::analytics_v0::Processor processor_;  ///< likewise
};

}  // namespace capture::pipeline
