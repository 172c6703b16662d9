// The bytes of an HTTP/1 answer: appended to the worker's output buffer, head and body in one
// piece.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "http/message.h"
#include "http/router.h"

namespace capture::http {

/// The text of the `Date` header, rendered once per second. One per worker.
class DateText {
  public:
    std::string_view at(base::Instant now);

  private:
    std::int64_t second_ = -1;
    std::string text_;
};

/// What the connection knows beside the handler's answer.
struct ResponseFrame {
    bool http11 = true;
    bool close = false;                ///< this is the last answer of the connection
    bool head_only = false;            ///< HEAD: the body's length, but not the body
    bool preflight = false;            ///< OPTIONS: name methods and headers
    const CorsPolicy* cors = nullptr;  ///< null = no CORS headers
    std::string_view origin;           ///< mirrored; empty = absent
    std::string_view requested_headers;
    std::string_view date;
};

std::string_view reason_phrase(int status);
void write_response(std::string& out, const Response& response, const ResponseFrame& frame);

}  // namespace capture::http
