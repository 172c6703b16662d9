// The bytes of an HTTP/1 answer, head and body in one piece.
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
    std::string_view origin{};         ///< mirrored; empty = absent
    std::string_view requested_headers{};
    std::string_view date{};

    bool operator==(const ResponseFrame&) const = default;
};

std::string_view reason_phrase(int status);
void write_response(std::string& out, const Response& response, const ResponseFrame& frame);

/// The output buffer of one worker. Most answers are the same as the one before, for a second:
/// those are not written again.
class ResponseWriter {
  public:
    void write(const Response& response, const ResponseFrame& frame);
    /// The last answer, until the next write() or shrink().
    std::string_view bytes() const { return out_; }
    /// Gives back what a large answer took.
    void shrink();

  private:
    void remember(const Response& response, const ResponseFrame& frame);

    std::string out_;
    // What out_ was written from, if that is worth comparing; the frame's texts are copies.
    bool remembered_ = false;
    Response response_;
    ResponseFrame frame_;
    std::string origin_;
    std::string date_;
};

}  // namespace capture::http
