#include "http/parser.h"

#include <boost/beast/http/error.hpp>
#include <functional>
#include <utility>

namespace capture::http {
namespace {

namespace bhttp = boost::beast::http;

Method to_method(bhttp::verb verb) {
    switch (verb) {
        case bhttp::verb::get:
            return Method::Get;
        case bhttp::verb::head:
            return Method::Head;
        case bhttp::verb::post:
            return Method::Post;
        case bhttp::verb::options:
            return Method::Options;
        default:
            return Method::Other;
    }
}

std::string_view to_std(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

bool has_token(std::string_view list, std::string_view token) {
    while (!list.empty()) {
        std::size_t const comma = list.find(',');
        std::string_view item = list.substr(0, comma);
        while (!item.empty() && (item.front() == ' ' || item.front() == '\t'))
            item.remove_prefix(1);
        while (!item.empty() && (item.back() == ' ' || item.back() == '\t'))
            item.remove_suffix(1);
        if (equal_without_case(item, token)) return true;
        if (comma == std::string_view::npos) break;
        list.remove_prefix(comma + 1);
    }
    return false;
}

}  // namespace

HeadParser::HeadParser(Head& head, std::size_t head_limit)
    : head_(head), header_limit_(head_limit) {
    header_limit(static_cast<std::uint32_t>(head_limit));
    body_limit(boost::none);
}

HeadParser::State HeadParser::feed(std::string_view bytes) {
    base_ = bytes.data();
    end_ = base_ + bytes.size();
    head_.bind(base_);
    if (!std::exchange(begun_, true)) {
        if (read_plain(bytes)) return State::Complete;
        head_.clear();
        head_.bind(base_);
        lengths_ = 0;
    }
    error_code error;
    consumed_ += put({bytes.data() + consumed_, bytes.size() - consumed_}, error);
    if (!error) return State::Complete;
    if (error == bhttp::error::need_more) return State::NeedMore;
    return error == bhttp::error::header_limit ? State::TooManyFields : failure_;
}

HeadParser::State HeadParser::body(std::string_view bytes, ChunkSink& sink, std::size_t& used) {
    // No body ends in less, and Beast asserts that when it looks at the last chunk once more.
    constexpr std::string_view kShortestEnd = "0\r\n\r\n";
    if (looked_ && bytes.size() < kShortestEnd.size()) {
        used = 0;
        return State::NeedMore;
    }
    eager(true);
    sink_ = &sink;
    error_code error;
    used = put({bytes.data(), bytes.size()}, error);
    sink_ = nullptr;
    if (error && error != bhttp::error::need_more) return State::Malformed;
    looked_ = used == 0;
    return is_done() ? State::Complete : State::NeedMore;
}

// `/path?query`, `http://host/path?query` (a proxy's form), `*`. A fragment is not part of a
// request.
void HeadParser::split_target(std::string_view target) {
    std::string_view rest = target.substr(0, target.find('#'));
    if (!rest.empty() && rest.front() != '/') {
        std::size_t const scheme = rest.find("://");
        if (scheme != std::string_view::npos && scheme < rest.find_first_of("/?")) {
            rest.remove_prefix(scheme + 3);
            std::size_t const slash = rest.find_first_of("/?");
            rest = slash == std::string_view::npos ? rest.substr(rest.size()) : rest.substr(slash);
        }
    }
    std::size_t const mark = rest.find('?');
    std::string_view const path = rest.substr(0, mark);
    head_.path_ = span(path);
    if (mark != std::string_view::npos) head_.query_ = span(rest.substr(mark + 1));
}

void HeadParser::on_request_impl(verb known, string_view method, string_view target, int version,
                                 error_code& error) {
    if (target.size() > kMaxTarget) {
        failure_ = State::TargetTooLong;
        error = bhttp::error::bad_target;
        return;
    }
    head_.method_ = to_method(known);
    head_.method_text_ = span(to_std(method));
    head_.http11_ = version >= 11;
    split_target(to_std(target));
}

void HeadParser::on_field_impl(field, string_view name, string_view value, error_code& error) {
    if (head_done_) {
        // Trailers are dropped, but not without end.
        if (++trailers_ > Head::kMaxFields) error = bhttp::error::header_limit;
        return;
    }
    if (head_.fields_.size() >= Head::kMaxFields) {
        failure_ = State::TooManyFields;
        error = bhttp::error::header_limit;
        return;
    }
    if (!take_field(to_std(name), to_std(value))) error = bhttp::error::bad_value;
}

bool HeadParser::take_field(std::string_view name, std::string_view value) {
    // A folded line either has its value outside of our bytes or a line end before it.
    const char* const after = name.data() + name.size() + 1;
    std::less<const char*> const before;
    if (before(value.data(), after) || before(end_, value.data())) return false;
    for (const char* p = after; p != value.data(); ++p) {
        if (*p != ' ' && *p != '\t') return false;
    }
    Name const known = intern(name);
    switch (known) {
        case Name::ContentLength:
            // Beast accepts `5, 5` and equal repetitions.
            if (++lengths_ > 1 || value.contains(',')) return false;
            break;
        case Name::TransferEncoding:
            if (++encodings_ > 1 || !head_.http11_ || !equal_without_case(value, "chunked"))
                return false;
            break;
        case Name::Expect:
            if (equal_without_case(value, "100-continue")) head_.expects_continue_ = head_.http11_;
            break;
        default:
            break;
    }
    keep_field(name, value, known);
    return true;
}

void HeadParser::keep_field(std::string_view name, std::string_view value, Name known) {
    head_.fields_.push_back({span(name), span(value), known});
    if (known == Name::Unknown) return;
    auto& first = head_.first_[static_cast<std::size_t>(known)];
    if (first == 0) first = static_cast<std::uint8_t>(head_.fields_.size());
}

void HeadParser::on_header_impl(error_code& error) {
    if (lengths_ && encodings_) {
        error = bhttp::error::bad_transfer_encoding;
        return;
    }
    length_ = content_length().value_or(0);
    finish_head();
}

/// How the body is framed, and whether the connection stays.
void HeadParser::finish_head() {
    head_done_ = true;
    if (encodings_) {
        head_.framing_ = Framing::Chunked;
    } else if (lengths_) {
        head_.framing_ = length_ ? Framing::Length : Framing::None;
        head_.content_length_ = length_;
    }
    bool close = false;
    bool keep = false;
    head_.each_line(Name::Connection, [&](std::string_view line) {
        close = close || has_token(line, "close");
        keep = keep || has_token(line, "keep-alive");
    });
    head_.keep_alive_ = head_.http11_ ? !close : keep && !close;
}

std::size_t HeadParser::on_chunk_body_impl(std::uint64_t, string_view body, error_code& error) {
    if (!sink_->buffer) return body.size();
    if (body.size() > sink_->cap - sink_->buffer->size()) {
        sink_->over = true;
        error = bhttp::error::body_limit;
        return 0;
    }
    if (!sink_->buffer->append(to_std(body))) {
        sink_->refused = true;
        error = bhttp::error::body_limit;
        return 0;
    }
    return body.size();
}

}  // namespace capture::http
