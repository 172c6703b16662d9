// One log line as text, and the filter that decides whether it is made. Pure. Contract 80 §9.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "telemetry/log.h"

namespace capture::telemetry {

struct LogLine {
    base::Instant at;
    Level level;
    std::string_view target;
    std::string_view message;
    std::initializer_list<Field> fields;
    std::string_view pod;
    std::uint64_t thread;  ///< of `ThreadId(n)`
};

/// One JSON object and a newline. A field named like one of our own (`timestamp`, `level`, …) is
/// written as `field.<name>`.
void append_json_line(std::string& out, const LogLine& line);
/// `2026-09-01T10:00:00.123456Z  WARN capture::http: Request body stalled path="/e/"
/// bytes_received=512`
void append_human_line(std::string& out, const LogLine& line, bool colours);

/// RUST_LOG: comma-separated `level`, `target=level` or `target` (everything of that target); the
/// directive with the longest target that starts the line's target decides, `info` where none does.
/// Parts that cannot be read are ignored, and so are span conditions (`target[span]=level`).
/// `pyroscope=warn` is always added.
class LogFilter {
  public:
    explicit LogFilter(std::string_view directives);
    bool enabled(Level level, std::string_view target) const;

  private:
    struct Directive {
        std::string target;
        int least;  ///< the lowest Level shown; one beyond Error = off
    };
    void set(std::string_view target, int least);
    std::vector<Directive>
        directives_;  ///< longest target first; the last one matches every target
    int lowest_ = 0;  ///< of all directives: a quick answer for most debug lines
};

}  // namespace capture::telemetry
