#include "base/uuid.h"

#include <algorithm>
#include <cstring>

namespace capture::base {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

constexpr std::string_view kUrn = "urn:uuid:";
constexpr std::array<std::size_t, 4> kHyphens{8, 13, 18, 23};
/// Where each byte's two digits stand in the hyphenated form.
constexpr std::array<std::size_t, 16> kHyphenated{0,  2,  4,  6,  9,  11, 14, 16,
                                                  19, 21, 24, 26, 28, 30, 32, 34};

constexpr auto kDigits = [] {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::array<std::array<char, 2>, 256> digits{};
    for (std::size_t byte = 0; byte < digits.size(); ++byte)
        digits[byte] = {kHex[byte >> 4], kHex[byte & 15]};
    return digits;
}();

}  // namespace

std::optional<Uuid> Uuid::parse(std::string_view text) {
    if (text.size() == 38 && text.front() == '{' && text.back() == '}') {
        text = text.substr(1, 36);
        if (text.size() != 36 || text[8] != '-') return std::nullopt;
    } else if (text.starts_with(kUrn)) {
        text.remove_prefix(kUrn.size());
        if (text.size() != 36) return std::nullopt;
    }
    bool const hyphenated = text.size() == 36;
    if (!hyphenated && text.size() != 32) return std::nullopt;
    if (hyphenated) {
        for (std::size_t const at : kHyphens) {
            if (text[at] != '-') return std::nullopt;
        }
    }
    Uuid uuid;
    int bad = 0;
    for (std::size_t i = 0; i < 16; ++i) {
        std::size_t const at = hyphenated ? kHyphenated[i] : 2 * i;
        int const high = hex_value(text[at]);
        int const low = hex_value(text[at + 1]);
        bad |= high | low;
        uuid.bytes[i] = static_cast<std::uint8_t>((high & 15) << 4 | (low & 15));
    }
    if (bad < 0) return std::nullopt;
    return uuid;
}

void Uuid::format(char* out) const {
    for (std::size_t i = 0; i < bytes.size(); ++i)
        std::memcpy(out + kHyphenated[i], kDigits[bytes[i]].data(), 2);
    for (std::size_t const at : kHyphens)
        out[at] = '-';
}

std::uint64_t Uuid::v7_millis() const {
    std::uint64_t millis = 0;
    for (std::size_t i = 0; i < 6; ++i)
        millis = millis << 8 | bytes[i];
    return millis;
}

UuidSource::UuidSource() {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(),
                       device(), device(), device(), device()};
    engine_.seed(seed);
}

Uuid UuidSource::v7(std::int64_t unix_millis) {
    constexpr std::int64_t kMaxMillis = (std::int64_t{1} << 48) - 1;
    auto const millis =
        static_cast<std::uint64_t>(std::clamp<std::int64_t>(unix_millis, 0, kMaxMillis));
    std::uint64_t const a = engine_();
    std::uint64_t const b = engine_();
    Uuid uuid;
    for (std::size_t i = 0; i < 6; ++i)
        uuid.bytes[i] = static_cast<std::uint8_t>(millis >> (40 - 8 * i));
    uuid.bytes[6] = static_cast<std::uint8_t>(0x70 | (a & 0x0f));
    uuid.bytes[7] = static_cast<std::uint8_t>(a >> 8);
    for (std::size_t i = 0; i < 8; ++i)
        uuid.bytes[8 + i] = static_cast<std::uint8_t>(b >> (8 * i));
    uuid.bytes[8] = static_cast<std::uint8_t>(0x80 | (uuid.bytes[8] & 0x3f));
    return uuid;
}

}  // namespace capture::base
