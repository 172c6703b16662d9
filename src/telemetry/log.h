// Structured logs: one JSON object per line on stdout, or coloured text with LOG_LEVEL=debug.
// Contract 80 §9.
//
//   log.warn("capture::http", "Request body stalled", {{"path", path}, {"bytes_received", n}});
//
// Targets are module-like paths that RUST_LOG directives match (`info,rdkafka=warn`). Any thread.
// Never log secrets, payloads or token lists.
//
// Lines are handed to one writing thread, so that a slow reader of stdout never holds up a worker.
// When 8 MiB wait unwritten, further lines are counted and left out, and the next line that fits
// says how many. The destructor and flush() write everything that waits. See rate_limited.h for
// lines that a client could cause without end.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace capture::telemetry {

enum class Level : std::uint8_t { Trace, Debug, Info, Warn, Error };

struct Field {
    using Value = std::variant<std::string_view, std::int64_t, double, bool>;
    Field(std::string_view k, std::string_view v) : key(k), value(v) {}
    Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
    Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
    Field(std::string_view k, bool v) : key(k), value(v) {}
    Field(std::string_view k, double v) : key(k), value(v) {}
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    Field(std::string_view k, T v) : key(k), value(static_cast<std::int64_t>(v)) {}

    std::string_view key;
    Value value;
};

struct LogOptions {
    std::string filter =
        "info";  ///< RUST_LOG directives: `level` and `target=level`, the longest prefix wins
    bool human = false;           ///< text instead of JSON
    bool colours = true;          ///< ANSI colours in that text
    int fd = 1;                   ///< stays open; the caller's
    std::string pod = "unknown";  ///< HOSTNAME, in the root span of every line
};

class Logger {
  public:
    using Fields = std::initializer_list<Field>;

    explicit Logger(const LogOptions& options);
    /// Writes nothing (tests, tools).
    static Logger& silent();
    ~Logger();
    Logger(const Logger&) = delete;
    Logger& operator=(const Logger&) = delete;

    bool enabled(Level level, std::string_view target) const;
    void log(Level level, std::string_view target, std::string_view message, Fields fields = {});
    void debug(std::string_view target, std::string_view message, Fields fields = {}) {
        if (enabled(Level::Debug, target)) log(Level::Debug, target, message, fields);
    }
    void info(std::string_view target, std::string_view message, Fields fields = {}) {
        if (enabled(Level::Info, target)) log(Level::Info, target, message, fields);
    }
    void warn(std::string_view target, std::string_view message, Fields fields = {}) {
        if (enabled(Level::Warn, target)) log(Level::Warn, target, message, fields);
    }
    void error(std::string_view target, std::string_view message, Fields fields = {}) {
        if (enabled(Level::Error, target)) log(Level::Error, target, message, fields);
    }

    /// Returns when everything logged before has been written.
    void flush();

  private:
    Logger();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace capture::telemetry
