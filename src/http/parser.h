// Beast's request parser, fed by hand. Included by this room's .cc files only (it pulls in Beast).
//
// Most heads never get there: those that come at once and are plain (printable ASCII, HTTP/1.1, a
// length or no body) are read by plain_head.cc, which says of them what Beast would say.
//
// One HeadParser per request: feed it the unconsumed bytes until it says Complete. It refuses what
// Beast lets through and a proxy could read differently (request smuggling): both framings,
// repeated Content-Length, any Transfer-Encoding but a single `chunked`, folded header lines. A
// chunked body goes on through the same parser: see body().
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <string_view>

#include "base/buffer.h"
#include "http/head.h"

namespace capture::http {

inline constexpr std::size_t kMaxTarget = 65'534;

/// Where decoded chunks go. The first byte that would pass `cap` sets `over`, and nothing more is
/// stored.
struct ChunkSink {
    base::Buffer* buffer = nullptr;  ///< null = count and throw away
    std::uint64_t cap = 0;
    bool over = false;
    bool refused = false;  ///< the budget said no
};

class HeadParser final : private boost::beast::http::basic_parser<true> {
  public:
    enum class State : std::uint8_t { NeedMore, Complete, Malformed, TooManyFields, TargetTooLong };

    /// Fills `head`, which must be clear and outlive the parser.
    explicit HeadParser(Head& head, std::size_t head_limit);

    /// `bytes` begins at the head's first byte and has everything received of it so far; it may
    /// have moved since the last call. What was consumed is in consumed().
    State feed(std::string_view bytes);
    std::size_t consumed() const { return consumed_; }

    /// Decodes chunks from `bytes`, the unconsumed ones, and says how many it used. Malformed also
    /// when a sink stopped it (see ChunkSink); it can then go on with another sink.
    State body(std::string_view bytes, ChunkSink& sink, std::size_t& used);

  private:
    using string_view = boost::beast::string_view;
    using error_code = boost::beast::error_code;
    using field = boost::beast::http::field;
    using verb = boost::beast::http::verb;

    Head::Span span(std::string_view text) const {
        return {static_cast<std::uint32_t>(text.data() - base_),
                static_cast<std::uint32_t>(text.size())};
    }
    void split_target(std::string_view target);
    bool take_field(std::string_view name, std::string_view value);
    void keep_field(std::string_view name, std::string_view value, Name known);
    void finish_head();

    // plain_head.cc: false, and the head is to be cleared, where Beast is to be asked.
    bool read_plain(std::string_view bytes);
    bool read_plain_request(std::string_view line);
    bool read_plain_field(std::string_view line);
    bool read_plain_length(std::string_view value);

    void on_request_impl(verb, string_view method, string_view target, int version,
                         error_code&) override;
    void on_response_impl(int, string_view, int, error_code&) override {}
    void on_field_impl(field, string_view name, string_view value, error_code&) override;
    void on_header_impl(error_code&) override;
    void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
    std::size_t on_body_impl(string_view body, error_code&) override { return body.size(); }
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override;
    void on_finish_impl(error_code&) override {}

    Head& head_;
    const char* base_ = nullptr;
    const char* end_ = nullptr;
    const std::size_t header_limit_;
    bool begun_ = false;  ///< by Beast, which then goes on
    std::uint64_t length_ = 0;
    std::size_t consumed_ = 0;
    State failure_ = State::Malformed;
    bool head_done_ = false;
    std::uint8_t lengths_ = 0;
    std::uint8_t encodings_ = 0;
    bool looked_ = false;  ///< body() has seen the bytes that come next, and wants more
    std::size_t trailers_ = 0;
    ChunkSink* sink_ = nullptr;
};

}  // namespace capture::http
