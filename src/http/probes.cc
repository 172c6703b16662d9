#include "http/probes.h"

namespace capture::http {

struct Probes::Index final : Handler {
    base::Task<Response> serve(Request&) override { co_return Response::text(200, "capture"); }
};

struct Probes::Readiness final : Handler {
    explicit Readiness(const std::atomic<bool>& flag) : shutting_down(flag) {}
    base::Task<Response> serve(Request&) override {
        co_return Response::empty(shutting_down.load(std::memory_order_relaxed) ? 503 : 200);
    }
    const std::atomic<bool>& shutting_down;
};

struct Probes::Liveness final : Handler {
    base::Task<Response> serve(Request&) override { co_return Response::text(200, "ok"); }
};

struct Probes::Metrics final : Handler {
    explicit Metrics(std::function<std::string()> source) : text(std::move(source)) {}
    base::Task<Response> serve(Request&) override {
        Response response = Response::text(200, text());
        response.content_type = "text/plain; version=0.0.4; charset=utf-8";
        co_return response;
    }
    std::function<std::string()> text;
};

Probes::Probes(Options options)
    : index_(std::make_unique<Index>()),
      readiness_(std::make_unique<Readiness>(options.shutting_down)),
      liveness_(std::make_unique<Liveness>()) {
    if (options.metrics) metrics_ = std::make_unique<Metrics>(std::move(options.metrics));
}
Probes::~Probes() = default;

void Probes::register_at(Router& router) {
    RouteOptions const probe{.methods = Methods::Get, .limited = false};
    router.add("/", *index_, probe);
    router.add("/_readiness", *readiness_, probe);
    router.add("/_liveness", *liveness_, probe);
    if (metrics_) {
        router.add("/metrics", *metrics_,
                   {.methods = Methods::Get, .cors = nullptr, .counted = false, .limited = false});
    }
}

}  // namespace capture::http
