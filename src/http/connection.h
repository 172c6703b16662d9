// One client connection speaking HTTP/1: a coroutine that reads a head, has the request served,
// writes the answer, and goes on with the next. Included by this room's .cc files only.
//
// Small requests cost one read and one write: head and body arrive in the worker's read buffer, the
// answer is composed in the worker's output buffer and written at once. Larger bodies are read
// straight into their final buffer. Requests of one connection are served one after the other;
// nothing is read ahead beyond the buffer.
//
// Memory: a connection's own are a request's head and at most 8 KiB of what came with it;
// everything beyond (large heads, chunked bodies, body buffers, answers that the client does not
// take) is charged to the worker's budget and given back after the request.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/buffer.h"
#include "base/timer_wheel.h"
#include "http/client_ip.h"
#include "http/head.h"
#include "http/message.h"
#include "http/parser.h"
#include "http/worker.h"

namespace capture::http {

class Connection final : public Request {
  public:
    static constexpr std::size_t kReadBuffer = ReadBuffer::kSize;
    static constexpr std::size_t kHeadLimit = 417'792;
    static constexpr std::size_t kWindow = 32 * 1024;  ///< for chunked bodies
    static constexpr std::size_t kMaxChunkLine =
        16 * 1024;  ///< chunk header with extensions, or all trailers
    static constexpr std::uint64_t kMaxUnread =
        64 * 1024;  ///< a refused body up to this size keeps the connection

    Connection(std::shared_ptr<Worker> worker, int descriptor, const Tcp::endpoint& peer,
               const Probe::Stage& stage);
    ~Connection() override;

    /// Serves the connection to its end. `self` keeps it alive.
    static base::Task<void> run(std::shared_ptr<Connection> self);
    /// Somebody else wants the read buffer.
    void take_along();
    /// The worker drains: an idle connection ends, a busy one after its request.
    void begin_drain();
    void abort();
    /// The coroutine ended by an exception; counts and logs.
    void escaped(std::string_view what);

    Method method() const override { return head_.method(); }
    std::string_view method_text() const override { return head_.method_text(); }
    std::string_view path() const override { return head_.path(); }
    std::string_view query() const override { return head_.query(); }
    std::string_view route() const override { return route_ ? route_->pattern() : head_.path(); }
    std::string_view header(std::string_view name) const override {
        return head_.find(name).value_or("");
    }
    bool has_header(std::string_view name) const override { return head_.find(name).has_value(); }
    std::vector<std::string_view> header_lines(std::string_view name) const override {
        return head_.lines(name);
    }
    std::string_view client_ip() const override;
    base::Instant received() const override { return received_; }
    base::Task<model::Result<base::Buffer>> read_body(std::size_t cap) override;
    std::optional<model::Result<base::Buffer>> body_at_hand(std::size_t cap) override;

  private:
    using Millis = std::chrono::milliseconds;
    enum class Step : std::uint8_t { Read, Serve, Refuse };
    struct Fill {
        std::size_t bytes = 0;
        ErrorCode error;
        bool timed_out = false;
    };

    // connection.cc
    base::Task<void> loop();
    Step next_step();
    void own_head(std::size_t bytes);
    bool own_beginning();
    void arm_head_timer();
    Stream::Done receive();
    bool receive_head();
    bool head_cancelled();
    std::optional<Response> begin_exchange();
    Response failed(std::string_view failure);
    void end_exchange(const Response& response);
    void refuse();
    bool send(std::string& rest);
    base::Task<bool> send_rest(std::string rest);
    base::Task<void> close_down();
    bool finish_request();
    void leave();
    void closed(std::string_view why);
    base::Task<Fill> fill(char* to, std::size_t bytes, std::optional<Millis> timeout);

    // body.cc
    bool body_done() const { return framing_ == Framing::None; }
    std::string_view pending() const;
    void drop(std::size_t bytes);
    void settle_unread();
    base::Task<bool> discard_unread();
    bool send_continue();
    base::Task<model::Result<base::Buffer>> read_sized(std::size_t cap);
    base::Task<model::Result<base::Buffer>> read_chunked(std::size_t cap);
    HeadParser::State feed_chunks(ChunkSink& sink);
    base::Task<Fill> fill_window(std::optional<Millis> timeout);
    base::Task<Fill> throw_away(std::uint64_t at_most, std::optional<Millis> timeout);
    base::Task<model::Error> reject_oversize(std::size_t cap);
    model::Error broken(const Fill& fill, std::uint64_t received);
    model::Error malformed();
    model::Error overloaded();

    const std::shared_ptr<Worker> owner_;  ///< goes last
    // Together, because it is all that an answer needs: most connections wait for one, and what
    // they hold is cold when it comes.
    Stream stream_;
    Worker& worker_;
    Route* route_ = nullptr;
    std::chrono::steady_clock::time_point started_;
    base::Instant received_;
    std::uint64_t body_left_ = 0;      ///< Length only
    Framing framing_ = Framing::None;  ///< None once the body has been consumed
    bool active_ = false;              ///< counted in capture_active_connections
    bool continue_pending_ = false;
    bool close_ = false;   ///< after this answer
    bool linger_ = false;  ///< the client may still be sending
    bool timed_out_ = false;
    bool idle_ = false;  ///< waits for the first byte of a request
    bool aborted_ = false;
    bool protocol_known_ = false;
    bool lent_ = false;      ///< rest_ lies in the worker's read buffer
    std::string_view rest_;  ///< what was read and not consumed, but for what the window has
    Head head_;
    base::Buffer in_{nullptr};      ///< the head, or its beginning, and what was read behind it
    base::Buffer window_{nullptr};  ///< further bytes of a chunked body, or what was taken along
    std::size_t window_begin_ = 0;
    std::size_t window_end_ = 0;
    std::uint64_t served_ = 0;
    base::TimerWheel::Timer timer_;  ///< one await on the network at a time, so one timer

    const Tcp::endpoint peer_;
    const Probe::Stage& stage_;
    std::size_t slot_;                  ///< in worker_.connections
    std::optional<HeadParser> parser_;  ///< set while a request is being read
    int refuse_status_ = 0;
    mutable IpText ip_storage_;
    mutable std::string peer_text_;
    mutable std::string_view ip_;
};

}  // namespace capture::http
