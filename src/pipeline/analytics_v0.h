// The legacy (v0) analytics surface: /e, /i/v0/e, /batch, /capture, /track, /engage,
// /i/v0/ai/batch. One handler per worker serves all of them. Its steps are those of contract 10 §9,
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
    friend class Intake;
    using Work = Arrival;
    using Reader = parse::analytics_v0::Reader;
    using Processor = parse::analytics_v0::Processor;
    struct Waiting;

    // The steps of the way, as intake.h has them.
    model::Result<void> read(Work& work, Reader& reader) const;
    static model::Result<std::string_view> token_of(const model::EventBatch& batch);
    std::optional<http::Response> accept(Work& work, Waiting& waiting) const;
    model::Result<void> build(Work& work, Processor& processor) const;
    std::optional<http::Response> limit(Work& work, Waiting& waiting) const;

    Processor processor() const;

    const Context& context_;
    Intake intake_;
    parse::analytics_v0::ProcessorOptions processor_options_;
    const parse::Probe& parse_probe_;
    Arrivals<Work> arrivals_;
    Reader reader_;        ///< of this worker's thread
    Processor processor_;  ///< likewise
};

}  // namespace capture::pipeline
