#include "http/message.h"

#include <utility>

namespace capture::http {

std::string_view to_text(Method method) {
    switch (method) {
        case Method::Get:
            return "GET";
        case Method::Head:
            return "HEAD";
        case Method::Post:
            return "POST";
        case Method::Options:
            return "OPTIONS";
        case Method::Other:
            break;
    }
    return {};
}

Response Response::text(int status, std::string body) {
    return {.status = status,
            .content_type = "text/plain; charset=utf-8",
            .body = std::move(body),
            .headers = {}};
}

Response Response::json(int status, std::string body) {
    return {.status = status,
            .content_type = "application/json",
            .body = std::move(body),
            .headers = {}};
}

Response Response::empty(int status) {
    return {.status = status, .content_type = {}, .body = {}, .headers = {}};
}

Response Response::error(const model::Error& error) {
    return text(model::info(error.code).status, model::body_text(error));
}

}  // namespace capture::http
