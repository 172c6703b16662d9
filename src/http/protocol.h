// Which protocol a connection speaks, decided on its first bytes: HTTP/1, or HTTP/2 with prior
// knowledge. Contract 80 §5.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace capture::http {

enum class Protocol : std::uint8_t { Undecided, Http1, Http2 };

inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Undecided while the bytes are a proper beginning of the HTTP/2 preface.
inline Protocol detect(std::string_view first_bytes) {
    std::size_t const known = std::min(first_bytes.size(), kHttp2Preface.size());
    if (first_bytes.substr(0, known) != kHttp2Preface.substr(0, known)) return Protocol::Http1;
    return known == kHttp2Preface.size() ? Protocol::Http2 : Protocol::Undecided;
}

}  // namespace capture::http
