// Ingestion warnings that this service itself sends: what a project is told, under its own token,
// about events of its own that were refused, cut or restrained. Contract 20 §14.
//
//   warnings.emit({.path = WarningPath::Replay, .token = token, .route = request.route(),
//                  .lib = lib, .lib_version = version},
//                 {.type = WarningType::InvalidSessionId, .count = batch_size},
//                 {{"eventCount", batch_size}, {"reason", "invalid_charset"},
//                  {"sessionIdLength", length}});
//
// Best effort: emit() never waits and never fails, and what it costs when nothing is wrong is the
// caller's `if`. One warning per token and type leaves an hour (warning_throttle.h), so a surface
// merges what it has to say of one type into one warning with a count. Every call is counted once
// by its first outcome, and an emitted warning once more by its last.
//
// Warnings travel through a sink of their own and are no events: no ledger, no event metric and no
// event budget knows them. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "sink/sink.h"
#include "telemetry/metrics.h"

namespace capture::pipeline {

enum class WarningType : std::uint8_t {
    MissingEventName,
    MissingDistinctId,
    DistinctIdTruncated,
    HighVolumeDistinctId,
    MessageSizeTooLarge,
    InvalidAiEvent,
    MissingSessionId,
    InvalidSessionId,
    MissingSnapshotData,
    kCount,
};

struct WarningInfo {
    WarningType type;
    const char* name;     ///< on the wire and in the label `type`
    const char* meaning;  ///< for docs/errors.md
};
const WarningInfo& info(WarningType type);
std::span<const WarningInfo> warning_table();

/// Which surface warns: the label `path` of the metrics.
enum class WarningPath : std::uint8_t {
    LegacyAnalytics,
    V1Analytics,
    AiEvents,
    AiOtel,
    Replay,
    kCount,
};
const char* to_text(WarningPath path);

/// Whom the warnings of one request concern.
struct WarningOrigin {
    static constexpr std::size_t kMaxLib = 200;

    WarningPath path;
    std::string_view token;
    std::string_view route;        ///< path of the request, as registered
    std::string_view lib;          ///< empty or longer than kMaxLib bytes: `unknown`
    std::string_view lib_version;  ///< likewise
};

/// A library's name or version as far as it is told: what is too long need not be kept.
inline std::string_view tellable(std::string_view lib) {
    return lib.size() > WarningOrigin::kMaxLib ? std::string_view() : lib;
}

struct Warning {
    WarningType type;
    std::uint64_t count = 1;  ///< events concerned; 0 counts as 1
    std::string_view step = "capture_validation";
};

using WarningValue = std::variant<std::monostate, std::uint64_t, std::string_view>;

/// A further member of the warning's details. Without a value, or with an empty text, it is left
/// out; a text is cut to 200 characters. Not `count` or `pipelineStep`: those are the Warning's.
struct WarningDetail {
    std::string_view name;
    WarningValue value;
};
using WarningDetails = std::initializer_list<WarningDetail>;

class Warnings {
  public:
    /// Pairs of token and type that the throttle remembers.
    static constexpr std::size_t kMaxPairs = 100'000;

    /// Off: emit() does nothing, and no metric of warnings exists.
    Warnings();
    /// Sends through `sink`, of which at most `queue_bytes` are asked. Registry and clock must
    /// outlive this.
    Warnings(std::unique_ptr<sink::Sink> sink, std::size_t queue_bytes,
             telemetry::Registry& registry, const base::Clock& clock,
             std::size_t max_pairs = kMaxPairs);
    /// flush() first.
    ~Warnings();
    Warnings(Warnings&&) noexcept;
    Warnings& operator=(Warnings&&) noexcept;

    bool enabled() const { return state_ != nullptr; }
    void emit(const WarningOrigin& origin, const Warning& warning, WarningDetails details = {});

    /// Every 60 s: forgets old entries of the throttle and shows how many are left.
    void sweep();
    /// Waits until everything emitted has been reported, at most `limit`. False when something was
    /// left.
    bool flush(std::chrono::milliseconds limit);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace capture::pipeline
