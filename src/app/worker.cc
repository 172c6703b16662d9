#include "app/worker.h"

#include <boost/asio/post.hpp>
#include <string>

#include "base/thread_name.h"
#include "pipeline/analytics_v0.h"
#include "pipeline/black_hole.h"
#include "pipeline/replay.h"
#include "pipeline/sdk_bootstrap.h"

namespace capture::app {
namespace {

using config::Mode;

constexpr std::string_view kAnalyticsPaths[] = {"/e",     "/i/v0/e", "/capture",
                                                "/track", "/engage", "/batch"};
constexpr std::string_view kAiBatchPath = "/i/v0/ai/batch";
constexpr std::string_view kReplayPath = "/s";
constexpr std::string_view kBlackHolePath = "/test/black_hole";

std::function<std::string()> exposition(const Process& process) {
    if (!process.settings.server.export_prometheus) return {};
    return [&registry = process.registry] { return registry.expose(); };
}

/// Above three quarters no new body is begun; the rest is for those that have.
std::size_t soft(std::size_t hard) {
    return hard / 4 * 3;
}

}  // namespace

Worker::Worker(const Process& process, std::size_t index, std::size_t budget_bytes)
    : process_(process),
      index_(index),
      budget_(soft(budget_bytes), budget_bytes),
      ledger_(process.registry, process.log),
      limits_(process.limits.worker()),
      context_{.settings = process.settings,
               .clock = process.clock,
               .log = process.log,
               .probe = process.pipeline_probe,
               .route_probe = process.route_probe,
               .lanes = process.lanes,
               .pool = process.pool,
               .sink = process.sink,
               .warnings = process.warnings,
               .inbox = inbox_,
               .budget = budget_,
               .ledger = ledger_,
               .limits = limits_},
      probes_({.shutting_down = process.shutting_down, .metrics = exposition(process)}),
      router_(process.http_probe, process.path_labels, process.concurrency),
      inbox_(io_),
      timers_(io_, process.clock),
      server_({.io = io_,
               .clock = process.clock,
               .budget = budget_,
               .timers = timers_,
               .router = router_,
               .probe = process.http_probe,
               .log = process.log,
               .limits = http::ServerLimits::from(process.settings.server)}),
      work_(io_.get_executor()) {
    register_routes();
}

Worker::~Worker() {
    join();
}

void Worker::register_routes() {
    probes_.register_at(router_);
    Mode const mode = process_.settings.mode;
    bool const analytics = mode == Mode::Events || mode == Mode::Import;
    bool const ai = mode == Mode::Events || mode == Mode::Ai;

    http::Handler& v0 = *surfaces_.emplace_back(std::make_unique<pipeline::AnalyticsV0>(
        context_, process_.decode_probe, process_.parse_probe));
    if (analytics) {
        for (std::string_view const path : kAnalyticsPaths)
            router_.add_with_slash(path, v0);
        http::Handler& black_hole = *surfaces_.emplace_back(
            std::make_unique<pipeline::BlackHole>(context_, process_.decode_probe));
        router_.add_with_slash(kBlackHolePath, black_hole);
    }
    if (ai) router_.add_with_slash(kAiBatchPath, v0);
    if (process_.settings.serves_replay()) {
        http::Handler& replay = *surfaces_.emplace_back(std::make_unique<pipeline::Replay>(
            context_, process_.decode_probe, process_.parse_probe));
        router_.add_with_slash(kReplayPath, replay);
    }
    if (process_.settings.dev) {
        http::Handler& bootstrap = *surfaces_.emplace_back(
            std::make_unique<pipeline::SdkBootstrap>(process_.settings.serves_replay()));
        for (std::string_view const path : {"/flags", "/flags/definitions", "/decide"}) {
            router_.add_with_slash(path, bootstrap);
        }
        router_.add_prefix("/array/", bootstrap);
    }
}

void Worker::run() {
    server_.start();
    thread_ = std::thread([this] {
        base::ThreadName const name("worker-" + std::to_string(index_));
        while (true) {
            try {
                io_.run();
                return;
            } catch (const std::exception& error) {
                process_.log.error("capture::worker", "An exception escaped a handler",
                                   {{"worker", index_}, {"error", error.what()}});
            }
        }
    });
}

void Worker::drain(std::function<void()> done) {
    base::asio::post(io_,
                     [this, done = std::move(done)]() mutable { server_.drain(std::move(done)); });
}

void Worker::check_ledger(std::function<void(bool)> report) {
    base::asio::post(io_, [this, report = std::move(report)] { report(ledger_.balanced()); });
}

void Worker::join() {
    if (!thread_.joinable()) return;
    work_.reset();
    io_.stop();
    thread_.join();
}

}  // namespace capture::app
