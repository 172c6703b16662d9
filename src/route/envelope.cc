#include "route/envelope.h"

#include <lz4.h>

#include <cstdint>

namespace capture::route {
namespace {

constexpr std::size_t kLength = 4;

}  // namespace

std::size_t envelope_bound(std::size_t bytes) {
    if (bytes > LZ4_MAX_INPUT_SIZE) return 0;
    return kLength + static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(bytes)));
}

void write_envelope(base::ByteWriter& out, std::string_view value) {
    std::size_t const room = envelope_bound(value.size());
    char* const at = out.room(room);
    for (std::size_t i = 0; i < kLength; ++i)
        at[i] = static_cast<char>(static_cast<std::uint8_t>(value.size() >> (8 * i)));
    // With room for the worst case it cannot fail.
    int const written =
        LZ4_compress_default(value.data(), at + kLength, static_cast<int>(value.size()),
                             static_cast<int>(room - kLength));
    out.advance(kLength + static_cast<std::size_t>(written));
}

}  // namespace capture::route
