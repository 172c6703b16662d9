#include "http/router.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

namespace capture::http {
namespace {

constexpr std::string_view kOther = "other";

// Methods are free text of the client; labels are not.
std::string_view method_label(std::string_view method) {
    constexpr std::array<std::string_view, 9> kKnown{"POST",   "GET",   "OPTIONS", "HEAD", "PUT",
                                                     "DELETE", "PATCH", "CONNECT", "TRACE"};
    auto const found = std::ranges::find(kKnown, method);
    return found == kKnown.end() ? kOther : *found;
}

}  // namespace

std::string_view PathLabels::label(std::string_view path) {
    // Label values are UTF-8: anything but printable ASCII is not worth a series.
    if (path.size() > kMaxLength ||
        !std::ranges::all_of(path, [](char c) { return c > 0x20 && c < 0x7f; })) {
        return kOther;
    }
    std::lock_guard const lock(mutex_);
    auto found = paths_.find(path);
    if (found == paths_.end()) {
        if (paths_.size() >= kMaxPaths) return kOther;
        found = paths_.emplace(path).first;
    }
    return *found;
}

bool Route::allows(Method method) const {
    switch (method) {
        case Method::Post:
            return options_.methods != Methods::Get;
        case Method::Get:
        case Method::Head:
            return options_.methods != Methods::Post;
        default:
            return false;
    }
}

std::string_view Route::allow() const {
    switch (options_.methods) {
        case Methods::Get:
            return "GET,HEAD";
        case Methods::Post:
            return "POST,OPTIONS";
        case Methods::PostGet:
            break;
    }
    return "POST,GET,HEAD,OPTIONS";
}

Router::Router(const Probe& probe, PathLabels& labels, ConcurrencyLimits& limits)
    : probe_(probe), labels_(labels), limits_(limits) {}

void Router::add(std::string_view pattern, Handler& handler, const RouteOptions& options) {
    auto route = std::make_unique<Route>();
    route->pattern_ = pattern;
    route->options_ = options;
    route->handler_ = &handler;
    if (options.limited) route->limit_ = limits_.of(pattern);
    auto const [at, added] = routes_.emplace(std::string(pattern), std::move(route));
    if (!added) throw std::logic_error("route registered twice: " + at->first);
    by_path_.emplace(at->second->pattern_, at->second.get());
}

void Router::add_with_slash(std::string_view pattern, Handler& handler,
                            const RouteOptions& options) {
    add(pattern, handler, options);
    add(std::string(pattern) + '/', handler, options);
}

void Router::add_prefix(std::string_view prefix, Handler& handler, const RouteOptions& options) {
    std::string const pattern = std::string(prefix) + "*";
    add(pattern, handler, options);
    by_prefix_.emplace_back(prefix, by_path_.find(pattern)->second);
}

Route* Router::find(std::string_view path) const {
    if (auto const found = by_path_.find(path); found != by_path_.end()) return found->second;
    for (auto const& [prefix, route] : by_prefix_) {
        if (path.starts_with(prefix)) return route;
    }
    return nullptr;
}

std::optional<Response> Router::answer(const Route* route, Method method) {
    if (method == Method::Options && cors(route)) return Response::empty(200);
    if (!route) return Response::empty(404);
    if (route->allows(method)) return std::nullopt;
    Response response = Response::empty(405);
    response.headers.emplace_back("allow", route->allow());
    return response;
}

Series Router::make_series(std::string_view method, std::string_view path, int status) const {
    char text[12];
    auto const end = std::to_chars(text, text + sizeof(text), status).ptr;
    std::string_view const status_text(text, static_cast<std::size_t>(end - text));
    return {probe_.requests.with({method, path, status_text}),
            probe_.durations.with({method, path, status_text})};
}

void Router::count(Route* route, std::string_view method, std::string_view path, int status,
                   double seconds) {
    std::string_view const method_name = method_label(method);
    if (!route) {
        Series const series = make_series(method_name, labels_.label(path), status);
        series.requests.add();
        series.seconds.observe(seconds);
        return;
    }
    if (!route->options_.counted) return;
    for (const auto& known : route->known_) {
        if (known.status == status && known.method == method_name) {
            known.series.requests.add();
            known.series.seconds.observe(seconds);
            return;
        }
    }
    route->known_.push_back(
        {method_name, status, make_series(method_name, route->pattern_, status)});
    route->known_.back().series.requests.add();
    route->known_.back().series.seconds.observe(seconds);
}

}  // namespace capture::http
