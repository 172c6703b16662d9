// The legacy (v0) analytics surface: /e, /i/v0/e, /batch, /capture, /track, /engage,
// /i/v0/ai/batch. One handler per worker serves all of them. serve() reads like contract 10 §9, the
// order of checks.
#pragma once

#include "decode/gate.h"
#include "http/message.h"
#include "parse/analytics_v0/processor.h"
#include "parse/analytics_v0/reader.h"
#include "pipeline/context.h"
#include "pipeline/publisher.h"

namespace capture::pipeline {

class AnalyticsV0 final : public http::Handler {
  public:
    /// Wire cap of the body (contract 10 §4).
    static constexpr std::size_t kBodyCap = 20 * 1024 * 1024;
    /// Cap after decompression.
    static constexpr std::size_t kDecompressedCap = 5 * kBodyCap;
    /// From these sizes on a request leaves the worker's thread for the pool, so that it stalls
    /// nobody. The wire size is what is known before inflating: a bomb below it inflates in the
    /// time of a few ordinary requests.
    static constexpr std::size_t kLargeWire = 32 * 1024;
    static constexpr std::size_t kLargeText = 256 * 1024;

    AnalyticsV0(const Context& context, const decode::Probe& decode_probe,
                const parse::Probe& parse_probe);

    base::Task<http::Response> serve(http::Request& request) override;

  private:
    /// One request on its way, and everything its events are views into.
    struct Work;

    /// Steps 3 to 8: query, body, decoding, JSON and shape.
    base::Task<model::Result<void>> receive(Work& work);
    model::Result<void> decode_and_parse(Work& work, parse::analytics_v0::Reader& reader) const;
    /// Steps 9 to 12: token presence, shape, known token.
    base::Task<model::Result<void>> authorise(Work& work);
    /// Steps 13 to 24, once the request is accepted for processing.
    base::Task<http::Response> ingest(Work& work);
    void apply_quotas(Work& work, Ledger::Entry& entry);
    base::Task<model::Result<void>> build_events(Work& work, Ledger::Entry& entry);
    void apply_limits(Work& work, Ledger::Entry& entry);
    base::Task<model::Result<void>> publish(Work& work);

    http::Response refuse(const Work& work, const model::Error& error, Stage stage) const;

    const Context& context_;
    decode::Gate gate_;
    parse::analytics_v0::ProcessorOptions processor_options_;
    const parse::Probe& parse_probe_;
    parse::analytics_v0::Reader reader_;  ///< of this worker's thread; large bodies bring their own
    parse::analytics_v0::Processor processor_;  ///< likewise
    Publisher publisher_;
};

}  // namespace capture::pipeline
