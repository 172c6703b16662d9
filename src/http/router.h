// From a path and a method to a handler, or to the answer that needs none: 404, 405, OPTIONS.
// Contract 10 §2-3.
//
// One router per worker, filled at start. Paths match exactly and with case; `/e` and `/e/` are two
// patterns and two label values. The CORS policy and the concurrency limit belong to the route;
// what no route matches gets the legacy policy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "http/concurrency.h"
#include "http/message.h"
#include "http/probe.h"

namespace capture::http {

/// Origin and requested headers are mirrored, credentials allowed; groups differ in the methods
/// they name.
struct CorsPolicy {
    std::string_view allow_methods;
};
inline constexpr CorsPolicy kLegacyCors{"GET,POST,OPTIONS"};
inline constexpr CorsPolicy kV1Cors{"POST,OPTIONS"};

/// The methods a route is registered with. GET answers HEAD too.
enum class Methods : std::uint8_t { Get, Post, PostGet };

struct RouteOptions {
    Methods methods = Methods::PostGet;
    const CorsPolicy* cors = &kLegacyCors;  ///< null = outside CORS (/metrics)
    bool counted = true;                    ///< request metrics
    bool limited = true;                    ///< CONCURRENCY_LIMIT applies (not for probes)
};

/// The raw path of an unmatched request as a label: the first few hundred distinct ones of the
/// process, then `other`. Any thread.
class PathLabels {
  public:
    static constexpr std::size_t kMaxPaths = 256;
    static constexpr std::size_t kMaxLength = 128;
    std::string_view label(std::string_view path);

  private:
    std::mutex mutex_;
    std::set<std::string, std::less<>> paths_;
};

/// The metrics of one (route, method, status).
struct Series {
    telemetry::Counter requests;
    telemetry::Histogram seconds;
};

class Route {
  public:
    std::string_view pattern() const { return pattern_; }
    const RouteOptions& options() const { return options_; }
    Handler* handler() const { return handler_; }
    ConcurrencyLimit* limit() const { return limit_.get(); }
    bool allows(Method method) const;
    /// Value of `Allow`.
    std::string_view allow() const;

  private:
    friend class Router;
    struct Known {
        std::string_view method;
        int status;
        Series series;
    };
    std::string pattern_;
    RouteOptions options_;
    Handler* handler_ = nullptr;
    std::shared_ptr<ConcurrencyLimit> limit_;
    std::vector<Known> known_;
};

class Router {
  public:
    /// All three outlive the router; `labels` and `limits` are the process's.
    Router(const Probe& probe, PathLabels& labels, ConcurrencyLimits& limits);

    /// The handler outlives the router. A pattern may be registered once.
    void add(std::string_view pattern, Handler& handler, const RouteOptions& options = {});
    /// `pattern` without a trailing slash, and with one.
    void add_with_slash(std::string_view pattern, Handler& handler,
                        const RouteOptions& options = {});
    /// Every path that starts with `prefix` (which ends in a slash) and that no pattern matches
    /// exactly. The label is `prefix` and `*`.
    void add_prefix(std::string_view prefix, Handler& handler, const RouteOptions& options = {});

    /// Null when no pattern matches.
    Route* find(std::string_view path) const;
    /// The answer when no handler is to be asked: OPTIONS, 405, 404.
    static std::optional<Response> answer(const Route* route, Method method);
    static const CorsPolicy* cors(const Route* route) {
        return route ? route->options().cors : &kLegacyCors;
    }

    /// Counts one answered request. Handles are looked up once per (route, method, status).
    void count(Route* route, std::string_view method, std::string_view path, int status,
               double seconds);

  private:
    Series make_series(std::string_view method, std::string_view path, int status) const;

    const Probe& probe_;
    PathLabels& labels_;
    ConcurrencyLimits& limits_;
    std::map<std::string, std::unique_ptr<Route>> routes_;
    std::unordered_map<std::string_view, Route*> by_path_;
    std::vector<std::pair<std::string, Route*>> by_prefix_;
};

}  // namespace capture::http
