#include "pipeline/probe.h"

namespace capture::pipeline {
namespace {

/// The failures that may end a whole request after its events were counted as received.
constexpr model::Code kDroppingCodes[] = {
    model::Code::NoEventName,   model::Code::NoDistinctId,       model::Code::InvalidCookieless,
    model::Code::AiEventTooBig, model::Code::NonAiEventOnAiLane, model::Code::ServiceUnavailable,
    model::Code::NoSessionId,   model::Code::InvalidSession,     model::Code::NoSnapshot,
};

}  // namespace

Probe::Probe(telemetry::Registry& registry)
    : received(registry.counter(kReceived)),
      batch_size(registry.histogram(kBatchSize)),
      prep_duration(registry.histogram(kPrepDuration)),
      black_hole_seen(registry.counter(kBlackHoleSeen)) {
    auto const dropped_family = registry.counters(kDropped);
    auto const error_family = registry.counters(kErrors);
    auto const black_hole_family = registry.counters(kBlackHoleOutcome);
    dropped_too_big = dropped_family.with({"event_too_big"});
    dropped_kafka_size = dropped_family.with({"kafka_message_size"});
    for (std::size_t i = 0; i < by_reason_.size(); ++i) {
        by_reason_[i] = dropped_family.with({model::kDropCauses[i]});
    }
    for (std::size_t i = 0; i < kCodes; ++i) {
        const char* const tag = model::error_table()[i].tag;
        errors_[0][i] = error_family.with({tag, "parsing"});
        errors_[1][i] = error_family.with({tag, "processing"});
        black_hole_failures_[i] = black_hole_family.with({"failure", tag});
    }
    for (model::Code const code : kDroppingCodes) {
        by_code_[static_cast<std::size_t>(code)] = dropped_family.with({model::info(code).tag});
    }
}

}  // namespace capture::pipeline
