#include "decode/codec.h"

namespace capture::decode {

const char* to_text(CodecStatus status) {
    switch (status) {
        case CodecStatus::Ok:
            return "ok";
        case CodecStatus::Corrupt:
            return "corrupt";
        case CodecStatus::Truncated:
            return "truncated";
        case CodecStatus::BrokenText:
            return "broken_text";
        case CodecStatus::OverLimit:
            return "over_limit";
        case CodecStatus::OverLimitAsText:
            return "over_limit_as_text";
        case CodecStatus::NoMemory:
            return "no_memory";
    }
    return "unknown";
}

std::size_t first_capacity(std::size_t expected, std::size_t limit) {
    constexpr std::size_t kSmallest = std::size_t{16} << 10;
    if (expected < kSmallest) expected = kSmallest;
    std::size_t capacity = limit;
    while (capacity / 2 >= expected)
        capacity = (capacity + 1) / 2;
    return capacity;
}

}  // namespace capture::decode
