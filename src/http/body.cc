// Reading, refusing and throwing away request bodies. Contract 10 §4, 80 §5.1.
#include <boost/asio/error.hpp>
#include <cstring>

#include "http/connection.h"

namespace capture::http {
namespace {

namespace asio = base::asio;
constexpr std::string_view kTarget = "capture::http";

std::string read_failure(const ErrorCode& error) {
    std::string const text =
        error == asio::error::eof ? "end of file before message length reached" : error.message();
    return "Error reading request body: " + text;
}

}  // namespace

std::string_view Connection::pending() const {
    if (window_.capacity() > 0)
        return {window_.data() + window_begin_, window_end_ - window_begin_};
    return rest_;
}

void Connection::drop(std::size_t bytes) {
    if (window_.capacity() > 0)
        window_begin_ += bytes;
    else
        rest_.remove_prefix(bytes);
}

model::Error Connection::overloaded() {
    worker_.parts.probe.budget_refusals.add();
    close_ = linger_ = true;
    return {model::Code::ServiceUnavailable, "overloaded"};
}

model::Error Connection::malformed() {
    close_ = linger_ = true;
    return {model::Code::ReqDecoding, "Error reading request body: malformed chunked encoding"};
}

model::Error Connection::broken(const Fill& fill, std::uint64_t received) {
    close_ = true;
    framing_ = Framing::None;  // whatever may still come is not waited for
    if (!fill.timed_out) return {model::Code::ReqDecoding, read_failure(fill.error)};
    worker_.parts.probe.body_timeouts.with({route()}).add();
    if (auto const pass = worker_.stalled.pass(worker_.parts.clock.steady())) {
        worker_.parts.log.warn(kTarget, "Request body stalled",
                               {{"path", route()},
                                {"bytes_received", received},
                                {"timeout_ms", worker_.parts.limits.body_chunk_timeout->count()},
                                {"suppressed", pass->suppressed}});
    }
    return {model::Code::BodyReadTimeout};
}

bool Connection::send_continue() {
    if (!std::exchange(continue_pending_, false) || !pending().empty()) return true;
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    // The socket's buffer is empty but for answers to pipelined requests: it takes 25 bytes, or the
    // client is gone.
    return stream_.write_some(kContinue.data(), kContinue.size()).bytes == kContinue.size();
}

std::optional<model::Result<base::Buffer>> Connection::body_at_hand(std::size_t cap) {
    base::Buffer body(&worker_.parts.budget);
    if (body_done()) return body;
    std::string_view const here = pending();
    if (framing_ != Framing::Length || body_left_ > here.size() || body_left_ > cap)
        return std::nullopt;
    // It waits for nothing, so that small requests get through while large ones wait.
    if (!body.append(here.substr(0, body_left_))) return std::unexpected(overloaded());
    drop(body_left_);
    framing_ = Framing::None;
    return body;
}

base::Task<model::Result<base::Buffer>> Connection::read_body(std::size_t cap) {
    if (auto here = body_at_hand(cap)) co_return std::move(*here);
    if (worker_.parts.budget.above_soft()) {
        bool const admitted = co_await worker_.admission.wait(worker_.parts.limits.budget_wait);
        (admitted ? worker_.parts.probe.waits_admitted : worker_.parts.probe.waits_refused).add();
        if (!admitted) co_return std::unexpected(overloaded());
    }
    if (!send_continue()) {
        close_ = true;
        co_return model::fail(model::Code::ReqDecoding,
                              "Error reading request body: connection closed");
    }
    if (framing_ == Framing::Length) co_return co_await read_sized(cap);
    co_return co_await read_chunked(cap);
}

base::Task<model::Result<base::Buffer>> Connection::read_sized(std::size_t cap) {
    const auto& limits = worker_.parts.limits;
    base::Buffer body(&worker_.parts.budget);
    if (body_left_ > cap) {
        // It will be refused, but only when the byte after the cap is due: none of it is kept.
        std::uint64_t const all = body_left_;
        while (all - body_left_ < cap) {
            Fill const got =
                co_await throw_away(cap - (all - body_left_), limits.body_chunk_timeout);
            if (got.error) co_return std::unexpected(broken(got, all - body_left_));
        }
        co_return std::unexpected(co_await reject_oversize(cap));
    }
    // Doubling from here ends at the body's length (rounded up by less than the number of
    // doublings).
    std::size_t const total = body_left_;
    std::string_view const here = pending().substr(0, total);
    std::size_t first = total;
    while (first > 1 && first > limits.first_body_buffer && (first + 1) / 2 >= here.size())
        first = (first + 1) / 2;
    if (!body.reserve(first) || !body.append(here)) co_return std::unexpected(overloaded());
    drop(here.size());
    body_left_ -= here.size();
    while (body_left_ > 0) {
        if (body.size() == body.capacity() && !body.reserve(std::min(total, 2 * body.capacity()))) {
            co_return std::unexpected(overloaded());
        }
        std::size_t const room = std::min<std::size_t>(body.capacity() - body.size(), body_left_);
        Fill const got = co_await fill(body.data() + body.size(), room, limits.body_chunk_timeout);
        if (got.error) co_return std::unexpected(broken(got, body.size()));
        body.resize(body.size() + got.bytes);
        body_left_ -= got.bytes;
    }
    framing_ = Framing::None;
    co_return std::move(body);
}

base::Task<model::Result<base::Buffer>> Connection::read_chunked(std::size_t cap) {
    const auto& limits = worker_.parts.limits;
    base::Buffer body(&worker_.parts.budget);
    if (!body.reserve(std::min(cap, limits.first_body_buffer)))
        co_return std::unexpected(overloaded());
    ChunkSink sink{.buffer = &body, .cap = cap};
    for (;;) {
        HeadParser::State const state = feed_chunks(sink);
        if (sink.refused) co_return std::unexpected(overloaded());
        if (sink.over) {
            body.reset();
            co_return std::unexpected(co_await reject_oversize(cap));
        }
        if (state == HeadParser::State::Complete) break;
        if (state == HeadParser::State::Malformed) co_return std::unexpected(malformed());
        Fill const got = co_await fill_window(limits.body_chunk_timeout);
        if (got.error == asio::error::no_memory) co_return std::unexpected(overloaded());
        if (got.error) co_return std::unexpected(broken(got, body.size()));
    }
    framing_ = Framing::None;
    co_return std::move(body);
}

HeadParser::State Connection::feed_chunks(ChunkSink& sink) {
    std::string_view const bytes = pending();
    if (bytes.empty()) return HeadParser::State::NeedMore;
    std::size_t used = 0;
    HeadParser::State const state = parser_->body(bytes, sink, used);
    drop(used);
    if (state == HeadParser::State::NeedMore && pending().size() > kMaxChunkLine) {
        return HeadParser::State::Malformed;
    }
    return state;
}

// Reads more of a chunked body behind the pending bytes, which move to the window's beginning.
base::Task<Connection::Fill> Connection::fill_window(std::optional<Millis> timeout) {
    std::string_view const left = pending();
    if (window_.capacity() < kWindow) {
        base::Buffer window(&worker_.parts.budget);
        if (!window.reserve(kWindow)) {
            Fill refused;
            refused.error = asio::error::no_memory;
            co_return refused;
        }
        if (!left.empty()) std::memcpy(window.data(), left.data(), left.size());
        rest_ = {};
        window_ = std::move(window);
    } else if (window_begin_ > 0) {
        std::memmove(window_.data(), left.data(), left.size());
    }
    window_begin_ = 0;
    window_end_ = left.size();
    Fill const got =
        co_await fill(window_.data() + window_end_, window_.capacity() - window_end_, timeout);
    window_end_ += got.bytes;
    co_return got;
}

// Reads and forgets at most `at_most` bytes of a body with a known length.
base::Task<Connection::Fill> Connection::throw_away(std::uint64_t at_most,
                                                    std::optional<Millis> timeout) {
    Fill got;
    std::uint64_t const wanted = std::min(at_most, body_left_);
    if (std::size_t const here = pending().size()) {
        got.bytes = static_cast<std::size_t>(std::min<std::uint64_t>(here, wanted));
        drop(got.bytes);
    } else {
        std::size_t const bytes =
            static_cast<std::size_t>(std::min<std::uint64_t>(wanted, worker_.discard.size()));
        got = co_await fill(worker_.discard.data(), bytes, timeout);
    }
    body_left_ -= got.bytes;
    co_return got;
}

// Reads on for a while so that the client sees the 413 on a live connection: at most one further
// cap's worth of bytes and a few seconds in all.
base::Task<model::Error> Connection::reject_oversize(std::size_t cap) {
    const auto& parts = worker_.parts;
    auto const end = parts.clock.steady() + parts.limits.rejected_drain;
    std::uint64_t drained = 0;
    const char* reason = nullptr;
    ChunkSink nowhere;
    for (;;) {
        if (framing_ == Framing::Chunked) {
            std::size_t const before = pending().size();
            HeadParser::State const state = feed_chunks(nowhere);
            drained += before - pending().size();
            if (state == HeadParser::State::Complete) framing_ = Framing::None;
            if (state == HeadParser::State::Malformed) {
                reason = "stream_error";
                break;
            }
        } else if (body_left_ == 0) {
            framing_ = Framing::None;
        }
        if (body_done()) {
            reason = "complete";
            break;
        }
        auto const left = std::chrono::duration_cast<Millis>(end - parts.clock.steady());
        if (drained >= cap || left.count() <= 0) {
            reason = drained >= cap ? "budget" : "deadline";
            break;
        }
        Fill got;
        if (framing_ == Framing::Chunked) {
            got = co_await fill_window(left);
        } else {
            got = co_await throw_away(cap - drained, left);
            drained += got.bytes;
        }
        if (got.error) {
            reason = got.timed_out ? "deadline" : "stream_error";
            break;
        }
    }
    bool const complete = body_done();
    parts.probe.rejected_drains.with({route(), complete ? "drained" : "abandoned", reason}).add();
    if (!complete) {
        close_ = linger_ = true;
        if (auto const pass = worker_.abandoned.pass(parts.clock.steady())) {
            parts.log.warn(kTarget, "Abandoned draining a rejected request body",
                           {{"path", route()},
                            {"drained_bytes", drained},
                            {"budget", cap},
                            {"reason", reason},
                            {"suppressed", pass->suppressed}});
        }
    }
    co_return model::Error{model::Code::OversizeEvent,
                           "Request body exceeds limit of " + std::to_string(cap) + " bytes"};
}

// The handler answered without the whole body. What is already here is skipped; a small rest is
// read after the answer (discard_unread), for a large one the connection is given up.
void Connection::settle_unread() {
    if (framing_ == Framing::Length) {
        std::size_t const here =
            static_cast<std::size_t>(std::min<std::uint64_t>(pending().size(), body_left_));
        drop(here);
        body_left_ -= here;
        if (body_left_ == 0) framing_ = Framing::None;
    } else {
        ChunkSink nowhere;
        if (!close_ && feed_chunks(nowhere) == HeadParser::State::Complete)
            framing_ = Framing::None;
    }
    if (body_done()) return;
    bool const worth_it =
        framing_ == Framing::Length && body_left_ <= kMaxUnread && !continue_pending_;
    if (!worth_it) close_ = linger_ = true;
}

base::Task<bool> Connection::discard_unread() {
    auto const end = worker_.parts.clock.steady() + worker_.parts.limits.unread_body;
    while (body_left_ > 0) {
        auto const left = std::chrono::duration_cast<Millis>(end - worker_.parts.clock.steady());
        Fill const got = co_await throw_away(body_left_, std::max(left, Millis(0)));
        if (got.error) {
            closed(got.timed_out ? "unread body stalled" : got.error.message());
            co_return false;
        }
    }
    framing_ = Framing::None;
    co_return true;
}

}  // namespace capture::http
