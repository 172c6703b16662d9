#include "http/connection.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "http/edge_timing.h"
#include "http/protocol.h"

namespace capture::http {
namespace {

namespace asio = base::asio;
constexpr std::string_view kTarget = "capture::http";
constexpr std::size_t kLingerBytes = 4 * 1024 * 1024;

}  // namespace

char* ReadBuffer::take(Connection& user) {
    if (user_ && user_ != &user) user_->take_along();
    user_ = &user;
    return bytes_.data();
}

Connection::Connection(std::shared_ptr<Worker> worker, int descriptor, const Tcp::endpoint& peer,
                       const Probe::Stage& stage)
    : owner_(std::move(worker)),
      stream_(*owner_->readiness, descriptor),
      worker_(*owner_),
      timer_(
          [](void* self) {
              auto& connection = *static_cast<Connection*>(self);
              connection.timed_out_ = true;
              connection.stream_.cancel();
          },
          this),
      peer_(peer),
      stage_(stage),
      slot_(worker_.connections.size()) {
    worker_.connections.push_back(this);
    worker_.parts.probe.open_connections.add(1);
}

Connection::~Connection() {
    leave();
    worker_.reads.leave(*this);
    worker_.parts.probe.open_connections.add(-1);
    worker_.connections.back()->slot_ = slot_;
    std::swap(worker_.connections[slot_], worker_.connections.back());
    worker_.connections.pop_back();
}

base::Task<void> Connection::run(std::shared_ptr<Connection> self) {
    co_await self->loop();
}

void Connection::begin_drain() {
    if (!idle_) return;
    // A connection that has never sent a request may have one under way.
    if (served_ == 0) {
        worker_.parts.timers.arm(timer_, worker_.parts.limits.fresh_grace);
    } else {
        stream_.cancel();
    }
}

void Connection::abort() {
    aborted_ = true;
    stream_.close();
}

void Connection::escaped(std::string_view what) {
    stage_.closed.add();
    worker_.parts.log.error(kTarget, "connection ended by an exception", {{"error", what}});
}

void Connection::closed(std::string_view why) {
    stage_.closed.add();
    worker_.parts.log.debug(kTarget, "connection closed", {{"reason", why}});
}

std::string_view Connection::client_ip() const {
    if (!ip_.empty()) return ip_;
    if (peer_text_.empty()) {
        std::string text = peer_.address().to_string();
        text.resize(std::min(text.find('%'), text.size()));  // a zone is ours, not the client's
        IpText storage;
        peer_text_ = canonical_ip(text, storage).value_or(text);
    }
    return ip_ = http::client_ip(head_, peer_text_, ip_storage_);
}

base::Task<void> Connection::loop() {
    std::string rest;
    for (;;) {
        Step step;
        while ((step = next_step()) == Step::Read) {
            if (!own_beginning()) {
                step = Step::Refuse;
                break;
            }
            arm_head_timer();
            bool const ready = stream_.may_read() || co_await stream_.readable();
            if (!(ready ? receive_head() : head_cancelled())) co_return;
        }
        timer_.cancel();
        if (step == Step::Refuse) {
            refuse();
            if (send(rest) && (rest.empty() || co_await send_rest(std::move(rest)))) {
                co_await close_down();
            }
            co_return;
        }
        if (auto const ready = begin_exchange()) {
            end_exchange(*ready);
        } else {
            ConcurrencyLimit::Permit permit;
            if (ConcurrencyLimit* const limit = route_->limit()) permit = co_await limit->acquire();
            Response response;
            try {
                response = co_await route_->handler()->serve(*this);
            } catch (const std::exception& error) {
                response = failed(error.what());
            } catch (...) {
                response = failed("unknown exception");
            }
            permit.reset();
            end_exchange(response);
        }
        if (!send(rest)) co_return;
        if (!rest.empty() && !co_await send_rest(std::exchange(rest, {}))) co_return;
        if (close_) {
            co_await close_down();
            co_return;
        }
        if (!body_done() && !co_await discard_unread()) co_return;
        if (!finish_request()) co_return;
    }
}

Connection::Step Connection::next_step() {
    auto const refuse_with = [this](int status) {
        refuse_status_ = status;
        return Step::Refuse;
    };
    if (!parser_) {
        // Blank lines between requests are allowed.
        rest_.remove_prefix(std::min(rest_.find_first_not_of("\r\n"), rest_.size()));
    }
    if (rest_.empty()) return Step::Read;
    if (!protocol_known_) {
        Protocol const protocol = detect(rest_);
        if (protocol == Protocol::Undecided) return Step::Read;
        if (protocol == Protocol::Http2) return refuse_with(505);
        protocol_known_ = true;
    }
    if (!parser_) parser_.emplace(head_, kHeadLimit);
    switch (parser_->feed(rest_)) {
        case HeadParser::State::Complete:
            own_head(parser_->consumed());
            return Step::Serve;
        case HeadParser::State::NeedMore:
            if (rest_.size() >= kHeadLimit) return refuse_with(431);
            if (head_.method_text().empty() && rest_.size() > kMaxTarget + 64)
                return refuse_with(414);
            return Step::Read;
        case HeadParser::State::TooManyFields:
            return refuse_with(431);
        case HeadParser::State::TargetTooLong:
            return refuse_with(414);
        case HeadParser::State::Malformed:
            break;
    }
    return refuse_with(400);
}

/// The request shows views of its head, so that cannot stay where others read.
void Connection::own_head(std::size_t bytes) {
    if (lent_) {
        (void)in_.reserve(bytes);  // without a budget it cannot be refused
        std::memcpy(in_.data(), rest_.data(), bytes);
        head_.bind(in_.data());
    }
    rest_.remove_prefix(bytes);
}

/// Before a wait the beginning of a head lies in memory of its own, with room behind it.
bool Connection::own_beginning() {
    if (rest_.empty()) return true;
    std::size_t const size = rest_.size();
    if (size < in_.capacity()) {
        std::memmove(in_.data(), rest_.data(), size);
    } else {
        bool const large = size >= kReadBuffer;
        base::Buffer larger(large ? &worker_.parts.budget : nullptr);
        if (!larger.reserve(large ? std::min(2 * size, kHeadLimit) : kReadBuffer)) {
            worker_.parts.probe.budget_refusals.add();
            refuse_status_ = 503;
            return false;
        }
        std::memcpy(larger.data(), rest_.data(), size);
        in_ = std::move(larger);
    }
    rest_ = {in_.data(), size};
    lent_ = false;
    return true;
}

void Connection::take_along() {
    if (!std::exchange(lent_, false) || rest_.empty()) return;
    base::Buffer own;
    (void)own.append(rest_);  // without a budget it cannot be refused
    window_ = std::move(own);
    window_begin_ = 0;
    window_end_ = rest_.size();
    rest_ = {};
}

void Connection::arm_head_timer() {
    const auto& limits = worker_.parts.limits;
    idle_ = rest_.empty();
    if (idle_) {
        timed_out_ = false;
        if (worker_.draining) worker_.parts.timers.arm(timer_, limits.fresh_grace);
    } else if (limits.header_timeout && !timer_.armed()) {
        timed_out_ = false;
        worker_.parts.timers.arm(timer_, *limits.header_timeout);
    }
}

Stream::Done Connection::receive() {
    if (rest_.empty()) {
        char* const to = worker_.reads.take(*this);
        Stream::Done const got = stream_.read_some(to, kReadBuffer);
        rest_ = {to, got.bytes};
        lent_ = true;
        return got;
    }
    std::size_t const before = rest_.size();
    Stream::Done const got = stream_.read_some(in_.data() + before, in_.capacity() - before);
    rest_ = {in_.data(), before + got.bytes};
    return got;
}

// False ends the connection.
bool Connection::receive_head() {
    ErrorCode const error = receive().error;
    if (error == asio::error::would_block) return true;
    bool const was_idle = std::exchange(idle_, false);
    if (!error) {
        if (was_idle) timer_.cancel();
        return true;
    }
    if (!aborted_ && (error != asio::error::eof || !was_idle)) closed(error.message());
    return false;
}

// Nothing came in time, or the worker drains, or the connection was aborted. False ends it.
bool Connection::head_cancelled() {
    bool const was_idle = std::exchange(idle_, false);
    if (aborted_) return false;
    if (was_idle) return receive().bytes > 0;  // a request that has just arrived is still served
    stage_.head_timeouts.add();
    worker_.parts.log.debug(kTarget, "request head not complete in time");
    return false;
}

std::optional<Response> Connection::begin_exchange() {
    const auto& parts = worker_.parts;
    received_ = parts.clock.now();
    started_ = parts.clock.steady();
    ip_ = {};
    route_ = parts.router.find(head_.path());
    framing_ = head_.framing();
    body_left_ = head_.content_length();
    continue_pending_ = head_.expects_continue() && !body_done();
    close_ = !head_.keep_alive();
    linger_ = false;
    if (!route_ || route_->options().counted) {
        active_ = true;
        parts.probe.active.add(1);
        (head_.has(Name::XPosthogClientIp) ? parts.probe.via_proxy : parts.probe.not_via_proxy)
            .add();
        observe_edge(head_, received_, parts.probe);
    }
    return Router::answer(route_, head_.method());
}

Response Connection::failed(std::string_view failure) {
    worker_.parts.probe.handler_failures.add();
    if (auto const pass = worker_.failed.pass(worker_.parts.clock.steady())) {
        worker_.parts.log.error(
            kTarget, "request handler failed",
            {{"path", route()}, {"error", failure}, {"suppressed", pass->suppressed}});
    }
    return Response::error({model::Code::InternalError});
}

void Connection::leave() {
    if (std::exchange(active_, false)) worker_.parts.probe.active.add(-1);
}

void Connection::end_exchange(const Response& response) {
    const auto& parts = worker_.parts;
    if (!body_done()) settle_unread();
    if (worker_.draining) close_ = true;
    ResponseFrame const frame{.http11 = head_.http11(),
                              .close = close_,
                              .head_only = head_.method() == Method::Head,
                              .preflight = head_.method() == Method::Options,
                              .cors = Router::cors(route_),
                              .origin = head_.get(Name::Origin),
                              .requested_headers = head_.get(Name::AccessControlRequestHeaders),
                              .date = worker_.date.at(received_)};
    worker_.answer.write(response, frame);
    std::chrono::duration<double> const took = parts.clock.steady() - started_;
    parts.router.count(route_, head_.method_text(), head_.path(), response.status, took.count());
    leave();
}

// The head cannot be served: the answer that says so, without CORS and outside of the request
// metrics.
void Connection::refuse() {
    close_ = linger_ = true;
    closed(reason_phrase(refuse_status_));
    ResponseFrame frame;
    frame.close = true;
    frame.date = worker_.date.at(worker_.parts.clock.now());
    worker_.answer.write(Response::empty(refuse_status_), frame);
}

// One system call, and nearly always all that is needed. What the socket does not take is left in
// `rest`.
bool Connection::send(std::string& rest) {
    std::string_view const out = worker_.answer.bytes();
    auto const [sent, error] = stream_.write_some(out.data(), out.size());
    bool const broken = error && error != asio::error::would_block;
    if (broken) closed(error.message());
    if (!broken && sent < out.size()) rest.assign(out.substr(sent));
    worker_.answer.shrink();
    return !broken;
}

base::Task<bool> Connection::send_rest(std::string rest) {
    base::Charge charge(worker_.parts.budget);
    if (!charge.add(rest.capacity())) {
        closed("no memory for an answer that the client does not take");
        co_return false;
    }
    std::string_view left = rest;
    for (;;) {
        auto [sent, error] = stream_.write_some(left.data(), left.size());
        left.remove_prefix(sent);
        if (left.empty()) co_return true;
        if (error == asio::error::would_block) {
            timed_out_ = false;
            worker_.parts.timers.arm(timer_, worker_.parts.limits.write_stall);
            bool const ready = co_await stream_.writable();
            timer_.cancel();
            error = ready ? ErrorCode() : asio::error::operation_aborted;
        }
        if (error) {
            closed(error.message());
            co_return false;
        }
    }
}

// Closing with unread bytes makes the kernel reset the connection, and the answer may be lost with
// it.
base::Task<void> Connection::close_down() {
    if (!linger_ && pending().empty()) co_return;
    ErrorCode error;
    stream_.shutdown_send(error);
    auto const end = worker_.parts.clock.steady() + worker_.parts.limits.linger;
    std::size_t dropped = 0;
    while (!error && dropped < kLingerBytes) {
        auto const left = std::chrono::duration_cast<Millis>(end - worker_.parts.clock.steady());
        if (left.count() <= 0) break;
        Fill const fill_result =
            co_await fill(worker_.discard.data(), worker_.discard.size(), left);
        if (fill_result.error) break;
        dropped += fill_result.bytes;
    }
}

base::Task<Connection::Fill> Connection::fill(char* to, std::size_t bytes,
                                              std::optional<Millis> timeout) {
    Fill result;
    timed_out_ = false;
    if (timeout) worker_.parts.timers.arm(timer_, *timeout);
    do {
        if (!stream_.may_read() && !co_await stream_.readable()) {
            result.error = asio::error::operation_aborted;
            break;
        }
        Stream::Done const got = stream_.read_some(to, bytes);
        result.bytes = got.bytes;
        result.error = got.error;
    } while (result.error == asio::error::would_block);
    timer_.cancel();
    result.timed_out = timed_out_ && result.error == asio::error::operation_aborted;
    co_return result;
}

// Makes the connection ready for its next head. False ends it.
bool Connection::finish_request() {
    parser_.reset();
    head_.clear();
    route_ = nullptr;
    ++served_;
    // What came behind the request moves to ordinary memory, and large memory goes.
    std::string_view const left = pending();
    bool const grown = in_.capacity() > kReadBuffer && left.size() <= kReadBuffer;
    if (window_.capacity() > 0 || grown) {
        base::Buffer fresh(left.size() > kReadBuffer ? &worker_.parts.budget : nullptr);
        if (!fresh.append(left)) {
            closed("no memory for pipelined requests");
            return false;
        }
        in_ = std::move(fresh);
        rest_ = in_.view();
    }
    window_.reset();
    window_begin_ = window_end_ = 0;
    worker_.admission.poke();
    return true;
}

}  // namespace capture::http
