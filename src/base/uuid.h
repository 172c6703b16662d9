// UUIDs: reading every textual form, writing the canonical one, making version 7.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>

namespace capture::base {

struct Uuid {
    std::array<std::uint8_t, 16> bytes{};

    static constexpr std::size_t kTextSize = 36;
    bool operator==(const Uuid&) const = default;

    /// Hyphenated, 32 hex digits, braced, or `urn:uuid:`; any case and version. Nothing for any
    /// other text.
    static std::optional<Uuid> parse(std::string_view text);
    /// Writes 36 characters, lower case.
    void format(char* out) const;
    int version() const { return bytes[6] >> 4; }
    /// The 48-bit time of a version 7 UUID, in ms since 1970.
    std::uint64_t v7_millis() const;
};

/// Makes version 7 UUIDs. One per worker; not thread-safe.
class UuidSource {
  public:
    UuidSource();
    explicit UuidSource(std::uint64_t seed) : engine_(seed) {}
    /// A fresh UUID with the given time; times before 1970 become 0, times beyond 48 bits the
    /// maximum.
    Uuid v7(std::int64_t unix_millis);

  private:
    std::mt19937_64 engine_;
};

}  // namespace capture::base
