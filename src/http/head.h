// The head of one request: request line and header fields as positions in the bytes they were read
// from. Nothing is copied; well-known names are interned while parsing, so that asking for one is a
// table look-up.
//
// Positions count from the head's first byte, so the bytes may move (a buffer that grows or is
// compacted) until the head is complete; views are valid while the bytes stay where bind() was told
// they are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace capture::http {

/// Names that somebody on the way of a request asks for.
enum class Name : std::uint8_t {
    Accept,
    AccessControlRequestHeaders,
    AccessControlRequestMethod,
    Authorization,
    CfConnectingIp,
    CloudfrontViewerAddress,
    Connection,
    ContentEncoding,
    ContentLength,
    ContentType,
    Expect,
    FlyClientIp,
    Forwarded,
    Host,
    Origin,
    PosthogAttempt,
    PosthogRequestId,
    PosthogRequestTimestamp,
    PosthogSdkInfo,
    TransferEncoding,
    TrueClientIp,
    UserAgent,
    XAmznTraceId,
    XCaptureDebug,
    XForwardedFor,
    XPosthogClientIp,
    XRealIp,
    XRequestId,
    XRequestStart,
    Unknown,
};
inline constexpr std::size_t kNames = static_cast<std::size_t>(Name::Unknown);

/// Without case. Unknown for every other name.
Name intern(std::string_view name);
bool equal_without_case(std::string_view a, std::string_view b);

/// How the body of a request is framed.
enum class Framing : std::uint8_t { None, Length, Chunked };

class Head {
  public:
    static constexpr std::size_t kMaxFields = 100;

    void clear();
    /// Where the head's first byte lies from now on.
    void bind(const char* base) { base_ = base; }

    Method method() const { return method_; }
    std::string_view method_text() const {
        // What was read may have left the caches when the answer is counted.
        std::string_view const known = to_text(method_);
        return known.empty() ? view(method_text_) : known;
    }
    /// The path of the request target: origin form or absolute form, without query and fragment.
    std::string_view path() const { return view(path_); }
    std::string_view query() const { return view(query_); }
    bool http11() const { return http11_; }
    /// What the client asked for; the server may close all the same.
    bool keep_alive() const { return keep_alive_; }
    bool expects_continue() const { return expects_continue_; }
    Framing framing() const { return framing_; }
    std::uint64_t content_length() const { return content_length_; }

    bool has(Name name) const { return first_[static_cast<std::size_t>(name)] != 0; }
    std::string_view get(Name name) const {
        std::uint8_t const at = first_[static_cast<std::size_t>(name)];
        return at ? view(fields_[at - 1U].value) : std::string_view();
    }
    /// Any name, without case: the first line, or all lines in order.
    std::optional<std::string_view> find(std::string_view name) const;
    std::vector<std::string_view> lines(std::string_view name) const;
    template <typename F>
    void each_line(Name name, F&& visit) const {
        if (!has(name)) return;
        for (std::size_t i = first_[static_cast<std::size_t>(name)] - 1U; i < fields_.size(); ++i) {
            if (fields_[i].known == name) visit(view(fields_[i].value));
        }
    }
    /// visit(name, value) of every line in order.
    template <typename F>
    void each(F&& visit) const {
        for (const Field& field : fields_)
            visit(view(field.name), view(field.value));
    }
    std::size_t field_count() const { return fields_.size(); }

  private:
    friend class HeadParser;
    struct Span {
        std::uint32_t at = 0;
        std::uint32_t size = 0;
    };
    struct Field {
        Span name;
        Span value;
        Name known;
    };
    std::string_view view(Span span) const { return {base_ + span.at, span.size}; }

    const char* base_ = nullptr;
    Span method_text_, path_, query_;
    Method method_ = Method::Other;
    bool http11_ = true;
    bool keep_alive_ = true;
    bool expects_continue_ = false;
    Framing framing_ = Framing::None;
    std::uint64_t content_length_ = 0;
    std::array<std::uint8_t, kNames> first_{};  ///< 1 + index of the first line; 0 = absent
    std::vector<Field> fields_;
};

}  // namespace capture::http
