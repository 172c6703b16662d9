// /test/black_hole: decodes, parses, checks, and throws away. For load tests and SDK developers;
// never produces. Contract 10 §17.
#pragma once

#include "decode/gate.h"
#include "http/message.h"
#include "parse/analytics_v0/reader.h"
#include "pipeline/context.h"

namespace capture::pipeline {

class BlackHole final : public http::Handler {
  public:
    BlackHole(const Context& context, const decode::Probe& decode_probe);

    base::Task<http::Response> serve(http::Request& request) override;

  private:
    /// What a client is told; a payload that does not parse is no error here.
    model::Result<void> check(http::Request& request, base::Buffer wire,
                              parse::analytics_v0::Reader& reader) const;

    const Context& context_;
    decode::Gate gate_;
    parse::analytics_v0::Reader reader_;
};

}  // namespace capture::pipeline
