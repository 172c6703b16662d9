// Every way a request can be refused, declared once: error.cc maps a code to its metric tag, status
// and body text. Contract 10 §13.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace capture::model {

enum class Code : std::uint8_t {
    BadQuery,  ///< framework-level 400, not counted by the error metric
    ReqDecoding,
    ReqParsing,
    ReqHydration,
    EmptyBatch,
    EmptyPayload,
    NoEventName,
    NoDistinctId,
    InvalidCookieless,
    NonAiEventOnAiLane,
    NonRetrySink,
    NoToken,
    MultipleTokens,
    InvalidToken,
    UnknownToken,
    BodyReadTimeout,
    OversizeEvent,
    AiEventTooBig,
    RetryableSink,
    ServiceUnavailable,
    InternalError,
    NoSnapshot,
    NoSessionId,
    NoWindowId,
    InvalidSession,
    kCount,
};

struct Error {
    Code code;
    std::string detail = {};  ///< fills the `{}` of the body text
};

template <typename T>
using Result = std::expected<T, Error>;

/// One row of the table.
struct ErrorInfo {
    Code code;
    const char* tag;   ///< metric label `error`, and `cause` where a failure drops events
    int status;        ///< HTTP status of the v0 and replay surfaces
    const char* text;  ///< body; `{}` stands for the detail
    bool retry;        ///< whether sending the same request again can help
};

const ErrorInfo& info(Code code);
std::span<const ErrorInfo> error_table();
std::string body_text(const Error& error);

inline std::unexpected<Error> fail(Code code, std::string detail = {}) {
    return std::unexpected(Error{code, std::move(detail)});
}

}  // namespace capture::model
