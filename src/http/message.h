// A request as a surface sees it, and the answer it gives. Header names are matched without case;
// values are as sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/buffer.h"
#include "base/time.h"
#include "model/error.h"

namespace capture::http {

enum class Method : std::uint8_t { Get, Head, Post, Options, Other };
/// Static text; empty for Other.
std::string_view to_text(Method method);

/// One request being served. Lives on its connection's worker until the response is written; views
/// returned here live as long. Implemented by the connection.
class Request {
  public:
    virtual ~Request() = default;

    virtual Method method() const = 0;
    virtual std::string_view method_text() const = 0;
    virtual std::string_view path() const = 0;   ///< raw, without the query
    virtual std::string_view query() const = 0;  ///< raw, without `?`
    virtual std::string_view route() const = 0;  ///< registered pattern, for labels
    /// First line of that name; empty when absent. `name` in lower case.
    virtual std::string_view header(std::string_view name) const = 0;
    virtual bool has_header(std::string_view name) const = 0;
    /// All lines of that name, in order.
    virtual std::vector<std::string_view> header_lines(std::string_view name) const = 0;
    /// Text of the client's address: forwarding headers first, then the peer (contract 10 §5.1).
    virtual std::string_view client_ip() const = 0;
    /// When the request's head was complete.
    virtual base::Instant received() const = 0;

    /// The wire body, charged to the worker's budget as it arrives. Call at most once. Errors:
    /// OversizeEvent (after a bounded drain), BodyReadTimeout, ReqDecoding (transport),
    /// ServiceUnavailable (budget).
    virtual base::Task<model::Result<base::Buffer>> read_body(std::size_t cap) = 0;
    /// The same without waiting, when all of the body has arrived with the head; nothing when it
    /// has not, and read_body() is to be asked.
    virtual std::optional<model::Result<base::Buffer>> body_at_hand(std::size_t cap) = 0;
};

struct Response {
    int status = 200;
    std::string_view content_type;  ///< static text; empty = no Content-Type header
    std::string body;               ///< small; events are never echoed
    std::vector<std::pair<std::string_view, std::string>> headers;  ///< rare extras

    static Response text(int status, std::string body);
    static Response json(int status, std::string body);
    static Response empty(int status);
    /// The error table's row as a plain-text answer.
    static Response error(const model::Error& error);
};

/// One surface's entry. One handler object serves one worker.
class Handler {
  public:
    virtual ~Handler() = default;
    virtual base::Task<Response> serve(Request& request) = 0;
};

}  // namespace capture::http
