#include "http/head.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace capture::http {
namespace {

struct Entry {
    std::string_view text;
    Name name;
};

// Grouped by length: see group().
constexpr std::array<Entry, kNames> kTable{{
    {"host", Name::Host},
    {"accept", Name::Accept},
    {"expect", Name::Expect},
    {"origin", Name::Origin},
    {"forwarded", Name::Forwarded},
    {"x-real-ip", Name::XRealIp},
    {"connection", Name::Connection},
    {"user-agent", Name::UserAgent},
    {"content-type", Name::ContentType},
    {"x-request-id", Name::XRequestId},
    {"authorization", Name::Authorization},
    {"fly-client-ip", Name::FlyClientIp},
    {"content-length", Name::ContentLength},
    {"true-client-ip", Name::TrueClientIp},
    {"posthog-attempt", Name::PosthogAttempt},
    {"x-amzn-trace-id", Name::XAmznTraceId},
    {"x-capture-debug", Name::XCaptureDebug},
    {"x-forwarded-for", Name::XForwardedFor},
    {"x-request-start", Name::XRequestStart},
    {"cf-connecting-ip", Name::CfConnectingIp},
    {"content-encoding", Name::ContentEncoding},
    {"posthog-sdk-info", Name::PosthogSdkInfo},
    {"transfer-encoding", Name::TransferEncoding},
    {"posthog-request-id", Name::PosthogRequestId},
    {"x-posthog-client-ip", Name::XPosthogClientIp},
    {"posthog-request-timestamp", Name::PosthogRequestTimestamp},
    {"cloudfront-viewer-address", Name::CloudfrontViewerAddress},
    {"access-control-request-method", Name::AccessControlRequestMethod},
    {"access-control-request-headers", Name::AccessControlRequestHeaders},
}};

constexpr std::size_t kLongest = 30;

struct Groups {
    // Entries of length n are [start[n], start[n + 1]).
    std::array<std::uint8_t, kLongest + 2> start{};
};

constexpr Groups group() {
    Groups groups;
    std::size_t at = 0;
    for (std::size_t length = 0; length <= kLongest; ++length) {
        groups.start[length] = static_cast<std::uint8_t>(at);
        while (at < kTable.size() && kTable[at].text.size() == length)
            ++at;
    }
    groups.start[kLongest + 1] = static_cast<std::uint8_t>(at);
    return groups;
}
constexpr Groups kGroups = group();
static_assert(kGroups.start[kLongest + 1] == kTable.size(), "the table is sorted by length");
static_assert(kTable.front().text.size() >= sizeof(std::uint32_t), "see is_named()");

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// Whether two texts of a length are the same without case, a word at a time, the last one
/// overlapping. The second is in lower case and has letters, digits and `-` alone: of what a name
/// may consist of, only an upper-case letter becomes one of those with this bit set.
template <typename Word>
bool same(const char* name, const char* lower_case, std::size_t size) {
    constexpr auto kBits = static_cast<Word>(0x2020'2020'2020'2020);
    auto const differ = [&](std::size_t at) {
        Word a = 0;
        Word b = 0;
        std::memcpy(&a, name + at, sizeof(a));
        std::memcpy(&b, lower_case + at, sizeof(b));
        return (a | kBits) ^ b;
    };
    Word difference = differ(size - sizeof(Word));
    for (std::size_t at = 0; at + sizeof(Word) < size; at += sizeof(Word))
        difference |= differ(at);
    return difference == 0;
}

bool is_named(std::string_view name, std::string_view lower_case) {
    std::size_t const size = name.size();
    return size < sizeof(std::uint64_t) ? same<std::uint32_t>(name.data(), lower_case.data(), size)
                                        : same<std::uint64_t>(name.data(), lower_case.data(), size);
}

}  // namespace

bool equal_without_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

Name intern(std::string_view name) {
    if (name.size() > kLongest) return Name::Unknown;
    std::size_t const last = kGroups.start[name.size() + 1];
    for (std::size_t i = kGroups.start[name.size()]; i < last; ++i) {
        // The last but one letter tells most names of one length apart.
        std::size_t const probe = name.size() - 2;
        if (lower(name[probe]) == kTable[i].text[probe] && is_named(name, kTable[i].text)) {
            return kTable[i].name;
        }
    }
    return Name::Unknown;
}

void Head::clear() {
    base_ = nullptr;
    method_text_ = path_ = query_ = {};
    method_ = Method::Other;
    http11_ = keep_alive_ = true;
    expects_continue_ = false;
    framing_ = Framing::None;
    content_length_ = 0;
    first_.fill(0);
    fields_.clear();
}

std::optional<std::string_view> Head::find(std::string_view name) const {
    Name const known = intern(name);
    if (known != Name::Unknown) return has(known) ? std::optional(get(known)) : std::nullopt;
    for (const Field& field : fields_) {
        if (field.known == Name::Unknown && equal_without_case(view(field.name), name)) {
            return view(field.value);
        }
    }
    return std::nullopt;
}

std::vector<std::string_view> Head::lines(std::string_view name) const {
    std::vector<std::string_view> found;
    Name const known = intern(name);
    for (const Field& field : fields_) {
        if (field.known != known) continue;
        if (known != Name::Unknown || equal_without_case(view(field.name), name)) {
            found.push_back(view(field.value));
        }
    }
    return found;
}

}  // namespace capture::http
