// Calls for memory that will be used soon. What waits for long (a connection, a request whose
// records are under way) has left the caches when it goes on; who goes on with many, one after the
// other, asks for the next while it works on one. A hint: any address is fine, also a null pointer.
#pragma once

#include <cstddef>

namespace capture::base {

inline void prefetch(const void* object, std::size_t bytes) {
    constexpr std::size_t kLine = 64;
    for (std::size_t at = 0; at < bytes; at += kLine)
        __builtin_prefetch(static_cast<const char*>(object) + at);
}

}  // namespace capture::base
