// application/x-www-form-urlencoded, as both the query string and form bodies use it: pairs
// separated by `&`, empty ones skipped, a pair without `=` has an empty value, `+` is a blank, a
// `%` that two hex digits do not follow stands for itself. Contract 10 §5.3, §6.3.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace capture::decode {

/// One pair, still encoded; views into the text.
struct RawPair {
    std::string_view key;
    std::string_view value;
};

class PairReader {
  public:
    explicit PairReader(std::string_view text) : rest_(text) {}
    /// Nothing at the end.
    std::optional<RawPair> next();

  private:
    std::string_view rest_;
};

/// Writes the decoded bytes to `out`, which has room for `in.size()`; returns how many. `out` may
/// be the start of `in` or lie anywhere before it: decoding never overtakes itself. The bytes may
/// be ill-formed UTF-8.
std::size_t decode_component(std::string_view in, char* out);

/// Whether the encoded `raw` spells `name` (at most 16 characters, ASCII).
bool spells(std::string_view raw, std::string_view name);

/// The decoded text; ill-formed UTF-8 becomes U+FFFD. For small values: the string is not charged
/// to a budget.
std::string decode_text(std::string_view raw);

}  // namespace capture::decode
