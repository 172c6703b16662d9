// A fast keyed hash of texts, for tables whose keys clients choose: without the key nobody can make
// keys collide.
//
// 64 bits; two different texts share a hash with a chance of about 2^-63 per pair, so tables may
// hold the hash alone (1 million keys: one in 10^7 that any pair collides). Not a signature. Maps
// that hold only an operator's texts use the default key.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>

namespace capture::limits {

struct HashKey {
    std::uint64_t a = 0x9e3779b97f4a7c15;
    std::uint64_t b = 0xd1b54a32d192ed03;

    static HashKey random() {
        std::random_device source;
        auto const word = [&] { return (static_cast<std::uint64_t>(source()) << 32) | source(); };
        return {word() | 1, word() | 1};
    }
};

namespace detail {

inline std::uint64_t fold(std::uint64_t x, std::uint64_t y) {
    __extension__ using Wide = unsigned __int128;
    Wide const product = static_cast<Wide>(x) * y;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
inline std::uint64_t eight(const char* p) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    return word;
}
inline std::uint64_t four(const char* p) {
    std::uint32_t word;
    std::memcpy(&word, p, 4);
    return word;
}

}  // namespace detail

inline std::uint64_t hash_text(std::string_view text, const HashKey& key) {
    const char* p = text.data();
    std::size_t n = text.size();
    std::uint64_t state = key.a ^ n;
    while (n > 16) {
        state = detail::fold(detail::eight(p) ^ key.b, detail::eight(p + 8) ^ state);
        p += 16;
        n -= 16;
    }
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    if (n >= 8) {
        low = detail::eight(p);
        high = detail::eight(p + n - 8);
    } else if (n >= 4) {
        low = detail::four(p);
        high = detail::four(p + n - 4);
    } else if (n > 0) {
        low = (static_cast<std::uint64_t>(static_cast<unsigned char>(p[0])) << 16) |
              (static_cast<std::uint64_t>(static_cast<unsigned char>(p[n / 2])) << 8) |
              static_cast<unsigned char>(p[n - 1]);
    }
    return detail::fold(key.b ^ text.size(), detail::fold(low ^ key.b, high ^ state) ^ key.a);
}

/// Hash of `token:rest` from the hash of the token.
inline std::uint64_t hash_pair(std::uint64_t token_hash, std::string_view rest,
                               const HashKey& key) {
    return hash_text(rest, HashKey{key.a ^ token_hash, key.b});
}

/// For maps from std::string that are searched with a string_view.
struct TextHash {
    using is_transparent = void;
    HashKey key = {};
    std::size_t operator()(std::string_view text) const { return hash_text(text, key); }
};
struct TextEqual {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};

}  // namespace capture::limits
