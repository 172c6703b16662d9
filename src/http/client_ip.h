// The address of the client behind the proxies. Contract 10 §5.1.
//
// There is no list of trusted proxies: the leftmost forwarded address is believed.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "http/head.h"

namespace capture::http {

/// Room for the text of any address.
using IpText = std::array<char, 46>;

/// The canonical text of `text` when it is an IPv4 or IPv6 address and nothing else (no port, no
/// brackets, no zone, no leading zeros); IPv6 in compressed lower case. The answer is a view of
/// `text` or of `storage`.
std::optional<std::string_view> canonical_ip(std::string_view text, IpText& storage);

/// The first forwarding header with a usable address wins, else `peer` (an address text). A view of
/// the head's bytes, of `storage` or of `peer`.
std::string_view client_ip(const Head& head, std::string_view peer, IpText& storage);

}  // namespace capture::http
