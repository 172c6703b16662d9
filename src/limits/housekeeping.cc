#include "limits/housekeeping.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <vector>

namespace capture::limits {
namespace {

namespace asio = boost::asio;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, base::Executor>;
constexpr std::string_view kTarget = "capture::limits";

}  // namespace

struct Housekeeping::Loop {
    Loop(base::IoContext& context, std::string n, std::chrono::milliseconds i, Body b)
        : timer(context), name(std::move(n)), interval(i), body(std::move(b)) {}
    Timer timer;
    std::string name;
    std::chrono::milliseconds interval;
    Body body;
};

struct Housekeeping::State {
    explicit State(telemetry::Logger& l) : logger(l) {}
    telemetry::Logger& logger;
    std::vector<std::shared_ptr<Loop>> loops;
    std::size_t running = 0;
    bool stopping = false;
    std::function<void()> ended;

    void check_end() {
        if (!stopping || running > 0) return;
        loops.clear();  // and with them what the bodies hold
        if (auto callback = std::exchange(ended, nullptr)) callback();
    }
};

Housekeeping::Housekeeping(base::IoContext& context, telemetry::Logger& logger)
    : context_(context), state_(std::make_shared<State>(logger)) {}

Housekeeping::~Housekeeping() = default;

base::Task<void> Housekeeping::run(std::shared_ptr<State> state, std::shared_ptr<Loop> loop) {
    while (!state->stopping) {
        co_await loop->timer.async_wait(asio::as_tuple(base::use_task));
        if (state->stopping) break;
        loop->timer.expires_after(loop->interval);  // the next start, however long this run takes
        try {
            co_await loop->body();
        } catch (const std::exception& escaped) {
            state->logger.error(
                kTarget, "A housekeeping task failed",
                {{"task", loop->name}, {"cause", std::string_view(escaped.what())}});
        }
    }
}

void Housekeeping::every(std::string name, std::chrono::milliseconds interval, Body body,
                         bool at_once) {
    auto loop = std::make_shared<Loop>(context_, std::move(name), interval, std::move(body));
    loop->timer.expires_after(at_once ? std::chrono::milliseconds(0) : interval);
    state_->loops.push_back(loop);
    ++state_->running;
    asio::co_spawn(context_, run(state_, loop), [state = state_, loop](std::exception_ptr escaped) {
        if (escaped)
            state->logger.error(kTarget, "A housekeeping loop ended early", {{"task", loop->name}});
        --state->running;
        state->check_end();
    });
}

void Housekeeping::stop(std::function<void()> ended) {
    state_->stopping = true;
    state_->ended = std::move(ended);
    for (auto const& loop : state_->loops)
        loop->timer.cancel();
    state_->check_end();
}

}  // namespace capture::limits
