// Metrics of the decode room. Contract 10 §14, §17.
//
// Gate::open() counts, per payload (nothing when there is none or its form wrapper is broken):
// - capture_raw_payload_size: its size in front of decompression, after base64 and form decoding;
// - capture_full_payload_size{oversize="false"}: the size of the text in front of the last base64
//   peel, and capture_{gzip,lz64}_decompression_ratio the quotient of the two, unless it fails;
// - over the cap: capture_payload_size_exceeded{kind} and, with the size that had been reached,
//   capture_full_payload_size{oversize="true"};
// - undecodable: nothing more. The error metric and the drop `event_too_big` are the pipeline's.
//
// Gate::open_black_hole() counts the capture_test_* families below and none of the others. Their
// labels are words of ours, because a client could otherwise make series without end;
// capture_test_request_seen and capture_test_request_outcome are the pipeline's.
#pragma once

#include "telemetry/metrics.h"

namespace capture::decode {

using telemetry::MetricSpec;
using telemetry::MetricType;

inline constexpr MetricSpec kRawPayloadSize{"capture_raw_payload_size",
                                            MetricType::Histogram,
                                            "Bytes of a payload before decompression",
                                            {},
                                            telemetry::buckets::kPayload};
inline constexpr MetricSpec kFullPayloadSize{
    "capture_full_payload_size",
    MetricType::Histogram,
    "Bytes of a payload after decompression, or when the cap was passed",
    {"oversize"},
    telemetry::buckets::kPayload};
inline constexpr MetricSpec kPayloadSizeExceeded{
    "capture_payload_size_exceeded",
    MetricType::Counter,
    "Payloads refused because they pass the decompressed cap",
    {"kind"}};
inline constexpr MetricSpec kGzipRatio{"capture_gzip_decompression_ratio",
                                       MetricType::Histogram,
                                       "Decompressed size over compressed size of gzip payloads",
                                       {},
                                       telemetry::buckets::kRatio};
inline constexpr MetricSpec kLzStringRatio{
    "capture_lz64_decompression_ratio",
    MetricType::Histogram,
    "Decompressed size over compressed size of lz-string payloads",
    {},
    telemetry::buckets::kRatio};

inline constexpr MetricSpec kTestCompressionType{
    "capture_test_compression_type",
    MetricType::Counter,
    "Black hole payloads by the query's compression: gzip, gzip-js, lz64, lz-string, base64, b64, "
    "none, other",
    {"type"}};
inline constexpr MetricSpec kTestContentHeaderType{
    "capture_test_content_header_type",
    MetricType::Counter,
    "Black hole payloads by content type: form, application/json, text/plain, none, other",
    {"type"}};
inline constexpr MetricSpec kTestGzipFound{"capture_test_gzip_found",
                                           MetricType::Counter,
                                           "Black hole payloads that start like gzip",
                                           {"comp"}};
inline constexpr MetricSpec kTestGzipFailed{"capture_test_gzip_failed",
                                            MetricType::Counter,
                                            "Black hole payloads that start like gzip and do not "
                                            "decompress: corrupt, truncated, over_limit, no_memory",
                                            {"reason", "comp"}};
inline constexpr MetricSpec kTestUtf8Failed{
    "capture_test_utf8_failed",
    MetricType::Counter,
    "Black hole payloads that are no UTF-8: gzip (after decompression) or plain",
    {"input", "comp"}};

/// Handles, resolved once. Any thread.
struct Probe {
    explicit Probe(telemetry::Registry& registry)
        : raw_size(registry.histogram(kRawPayloadSize)),
          full_size(registry.histograms(kFullPayloadSize).with({"false"})),
          oversize(registry.histograms(kFullPayloadSize).with({"true"})),
          exceeded_gzip(registry.counters(kPayloadSizeExceeded).with({"gzip"})),
          exceeded_lz64(registry.counters(kPayloadSizeExceeded).with({"lz64"})),
          exceeded_none(registry.counters(kPayloadSizeExceeded).with({"none"})),
          gzip_ratio(registry.histogram(kGzipRatio)),
          lz64_ratio(registry.histogram(kLzStringRatio)),
          test_compression_type(registry.counters(kTestCompressionType)),
          test_content_header_type(registry.counters(kTestContentHeaderType)),
          test_gzip_found(registry.counters(kTestGzipFound)),
          test_gzip_failed(registry.counters(kTestGzipFailed)),
          test_utf8_failed(registry.counters(kTestUtf8Failed)) {}

    telemetry::Histogram raw_size;
    telemetry::Histogram full_size;
    telemetry::Histogram oversize;
    telemetry::Counter exceeded_gzip;
    telemetry::Counter exceeded_lz64;
    telemetry::Counter exceeded_none;
    telemetry::Histogram gzip_ratio;
    telemetry::Histogram lz64_ratio;
    telemetry::CounterFamily test_compression_type;
    telemetry::CounterFamily test_content_header_type;
    telemetry::CounterFamily test_gzip_found;
    telemetry::CounterFamily test_gzip_failed;
    telemetry::CounterFamily test_utf8_failed;
};

}  // namespace capture::decode
