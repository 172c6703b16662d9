// Writing text that other programs parse: metric samples and JSON log lines. Input is untrusted
// bytes; what comes out is always valid UTF-8 (invalid sequences become U+FFFD), because one bad
// byte would spoil a whole scrape or line.
#pragma once

#include <string>
#include <string_view>

namespace capture::telemetry {

/// The value of a label, without the quotes. Prometheus text format 0.0.4.
void append_label_value(std::string& out, std::string_view value);
/// The text after `# HELP name `.
void append_help(std::string& out, std::string_view help);
/// Shortest exact decimal, never an exponent; `NaN`, `+Inf`, `-Inf`.
void append_number(std::string& out, double value);
/// A JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace capture::telemetry
