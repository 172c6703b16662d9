#include "http/response_writer.h"

#include <array>
#include <charconv>

#include "http/head.h"

namespace capture::http {
namespace {

constexpr std::size_t kKeepOutput = 64 * 1024;
/// The answers to events are shorter.
constexpr std::size_t kUsualBody = 256;

void append_number(std::string& out, std::size_t number) {
    char text[20];
    out.append(text, std::to_chars(text, text + sizeof(text), number).ptr);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

void append_two(std::string& out, int value) {
    out += static_cast<char>('0' + value / 10);
    out += static_cast<char>('0' + value % 10);
}

void write_cors(std::string& out, const ResponseFrame& frame) {
    out.append(
        "vary: origin, access-control-request-method, access-control-request-headers\r\n"
        "access-control-allow-credentials: true\r\n");
    if (!frame.origin.empty()) append_field(out, "access-control-allow-origin", frame.origin);
    if (!frame.preflight) return;
    append_field(out, "access-control-allow-methods", frame.cors->allow_methods);
    if (!frame.requested_headers.empty()) {
        append_field(out, "access-control-allow-headers", frame.requested_headers);
    }
}

}  // namespace

std::string_view DateText::at(base::Instant now) {
    if (now.seconds == second_) return text_;
    constexpr std::array<std::string_view, 7> kDays{"Thu", "Fri", "Sat", "Sun",
                                                    "Mon", "Tue", "Wed"};
    constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    second_ = now.seconds;
    auto const civil = base::to_civil(now.seconds);
    std::int64_t const day = (now.seconds - ((now.seconds % 86400) + 86400) % 86400) / 86400;
    text_.clear();
    text_.append(kDays[static_cast<std::size_t>(((day % 7) + 7) % 7)]).append(", ");
    append_two(text_, civil.day);
    text_.append(" ").append(kMonths[static_cast<std::size_t>(civil.month - 1)]).append(" ");
    append_two(text_, static_cast<int>(civil.year / 100));
    append_two(text_, static_cast<int>(civil.year % 100));
    text_ += ' ';
    append_two(text_, civil.hour);
    text_ += ':';
    append_two(text_, civil.minute);
    text_ += ':';
    append_two(text_, civil.second);
    text_.append(" GMT");
    return text_;
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 402:
            return "Payment Required";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 413:
            return "Payload Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 422:
            return "Unprocessable Entity";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "Status";
    }
}

void write_response(std::string& out, const Response& response, const ResponseFrame& frame) {
    out.append(frame.http11 ? "HTTP/1.1 " : "HTTP/1.0 ");
    append_number(out, static_cast<std::size_t>(response.status));
    out.append(" ").append(reason_phrase(response.status)).append("\r\n");
    if (!response.content_type.empty()) append_field(out, "content-type", response.content_type);
    if (response.status != 204) {
        out.append("content-length: ");
        append_number(out, response.body.size());
        out.append("\r\n");
    }
    bool dated = false;
    bool retry_after = false;
    for (const auto& [name, value] : response.headers) {
        append_field(out, name, value);
        dated = dated || equal_without_case(name, "date");
        retry_after = retry_after || equal_without_case(name, "retry-after");
    }
    if (frame.cors) {
        write_cors(out, frame);
        if (retry_after) out.append("access-control-expose-headers: Retry-After\r\n");
    }
    if (!dated) append_field(out, "date", frame.date);
    if (frame.close) {
        out.append("connection: close\r\n");
    } else if (!frame.http11) {
        out.append("connection: keep-alive\r\n");
    }
    out.append("\r\n");
    if (!frame.head_only && response.status != 204) out.append(response.body);
}

void ResponseWriter::write(const Response& response, const ResponseFrame& frame) {
    bool const usual = response.headers.empty() && response.body.size() <= kUsualBody &&
                       frame.requested_headers.empty();
    if (usual && remembered_ && frame == frame_ && response.status == response_.status &&
        response.body == response_.body && response.content_type == response_.content_type) {
        return;
    }
    out_.clear();
    write_response(out_, response, frame);
    remembered_ = usual;
    if (usual) remember(response, frame);
}

void ResponseWriter::remember(const Response& response, const ResponseFrame& frame) {
    response_.status = response.status;
    response_.body = response.body;
    response_.content_type = response.content_type;
    origin_ = frame.origin;
    date_ = frame.date;
    frame_ = frame;
    frame_.origin = origin_;
    frame_.date = date_;
}

void ResponseWriter::shrink() {
    if (out_.capacity() <= kKeepOutput) return;
    std::string().swap(out_);
    remembered_ = false;
}

}  // namespace capture::http
