// Every variable of the environment that the program knows, declared once: the loader, `capture
// config`, `--help` and docs/options.md all read these tables. To add one: add a row
// (options_server.cc, options_limits.cc or options_kafka.cc) and, if it is new, a member in
// settings.h. Contract 80 §3.
//
// Names have two generations. `name` is the newer one and wins; `legacy` names count when it is not
// set.
#pragma once

#include <cstdint>
#include <span>

#include "config/settings.h"
#include "config/value.h"

namespace capture::config {

/// Sets of Mode.
using Modes = std::uint8_t;
constexpr Modes in(Mode mode) {
    return static_cast<Modes>(1u << static_cast<unsigned>(mode));
}
constexpr bool contains(Modes modes, Mode mode) {
    return (modes & in(mode)) != 0;
}
inline constexpr Modes kLogs = in(Mode::Logs);
inline constexpr Modes kMain =
    in(Mode::Events) | in(Mode::Recordings) | in(Mode::Ai) | in(Mode::Import);
inline constexpr Modes kAll = kMain | kLogs;
inline constexpr Modes kAnalytics = in(Mode::Events) | in(Mode::Ai) | in(Mode::Import);

enum class Section : std::uint8_t {
    Server,
    Kafka,
    Redis,
    Tokens,
    Overflow,
    RateLimit,
    Restrictions,
    Ai,
    Warnings,
    Emergency,
    Telemetry,
    Logs,
    Retired,  ///< accepted, no effect
};
const char* title(Section section);

struct Option {
    const char* name;
    Kind kind = Kind::Text;
    const char* initial = nullptr;  ///< default as text; null = unset
    const char* fallback = "";      ///< what counts while it is unset, for people
    const char* help = "";
    Section section = Section::Server;
    Modes modes = kMain;
    Limits limits = {};
    bool secret = false;
    /// Takes the value over; null = accepted without effect.
    void (*store)(Settings&, const Value&) = nullptr;
};

/// In the order of storing: a row may use what an earlier one has stored.
std::span<const Option> server_options();
std::span<const Option> limit_options();
std::span<const Option> log_options();
std::span<const Option> retired_options();

/// KAFKA_<SLOT>_PRODUCER_<suffix>; legacy names feed the slot INGESTION only (decision 46).
struct ProducerOption {
    const char* suffix;
    const char* legacy = nullptr;
    Kind kind = Kind::Text;
    const char* initial = "";
    const char* property;  ///< of librdkafka
    Limits limits = {};
    std::uint64_t legacy_factor = 1;  ///< the legacy value is in a larger unit
    void (*store)(ProducerSettings&, const Value&);
};
std::span<const ProducerOption> producer_options();

/// CAPTURE_OUTPUT_<name>_TOPIC and _PRODUCER.
struct OutputOption {
    const char* name;
    const char* initial;  ///< default topic; empty = the output is off
    const char* legacy[2] = {nullptr, nullptr};
    const char* lane = nullptr;  ///< its name in the completeness check; null = not required
    const char* help;
    bool has_topic = true;  ///< CUSTOM takes its topic from the restriction
};
std::span<const OutputOption> output_options();

/// Names, or beginnings of names, that upstream knows and that have no effect here.
std::span<const char* const> retired_prefixes();

}  // namespace capture::config
