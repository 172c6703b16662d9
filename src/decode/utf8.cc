#include "decode/utf8.h"

#include <simdjson.h>

#include <cstdint>

namespace capture::decode {
namespace {

struct Sequence {
    std::size_t size;  ///< of the character, or of the ill-formed part
    bool valid;
};

/// The sequence at the front of `text`, which is not empty. An ill-formed part ends where no
/// well-formed character can still follow (Unicode 15, table 3-7).
Sequence next_sequence(std::string_view text) {
    auto const at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    std::uint8_t const lead = at(0);
    if (lead < 0x80) return {1, true};
    if (lead < 0xC2 || lead > 0xF4) return {1, false};
    std::size_t const wanted = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint8_t low = 0x80;
    std::uint8_t high = 0xBF;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
    for (std::size_t i = 1; i < wanted; ++i) {
        if (i >= text.size() || at(i) < low || at(i) > high) return {i, false};
        low = 0x80;
        high = 0xBF;
    }
    return {wanted, true};
}

}  // namespace

bool is_utf8(std::string_view bytes) {
    return bytes.empty() || simdjson::validate_utf8(bytes.data(), bytes.size());
}

bool append_repaired_utf8(std::string_view bytes, base::Buffer& out) {
    if (!out.reserve(out.size() + bytes.size())) return false;
    std::size_t start = 0;  // of the run that is still to be copied
    std::size_t at = 0;
    while (at < bytes.size()) {
        Sequence const sequence = next_sequence(bytes.substr(at));
        if (!sequence.valid) {
            if (!out.append(bytes.substr(start, at - start)) || !out.append("\xEF\xBF\xBD")) {
                return false;
            }
            start = at + sequence.size;
        }
        at += sequence.size;
    }
    return out.append(bytes.substr(start));
}

}  // namespace capture::decode
