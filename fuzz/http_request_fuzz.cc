// The first bytes of a connection: head, then a chunked body. However the bytes are cut, the
// outcome is the same, which also holds our own reader of plain heads, for those that come at once,
// against Beast's; what is accepted has one framing only, and nothing is kept past the cap.
#include <algorithm>
#include <string>

#include "fuzz_input.h"
#include "http/client_ip.h"
#include "http/edge_timing.h"
#include "http/parser.h"
#include "http/protocol.h"

namespace {

using capture::base::Buffer;
using capture::fuzz::expect;
using capture::http::ChunkSink;
using capture::http::Framing;
using capture::http::Head;
using capture::http::HeadParser;
using State = HeadParser::State;

constexpr std::size_t kHeadLimit = 16 * 1024;
constexpr std::size_t kCap = 1000;

struct Outcome {
    State head = State::NeedMore;
    State body = State::NeedMore;
    bool over = false;
    std::size_t consumed = 0;
    std::string method, path, query, decoded, fields;
    bool keep_alive = false;
    bool expects_continue = false;
    Framing framing = Framing::None;
    std::uint64_t length = 0;

    bool operator==(const Outcome&) const = default;
};

// Hands out `piece` bytes at a time, in memory of their own.
Outcome run(std::string_view input, std::size_t piece) {
    Outcome outcome;
    Head head;
    HeadParser parser(head, kHeadLimit);
    std::string bytes;
    std::size_t given = 0;
    while (outcome.head == State::NeedMore && given < input.size()) {
        given = std::min(given + piece, input.size());
        bytes.assign(input.substr(0, given));
        outcome.head = parser.feed(bytes);
        if (outcome.head == State::NeedMore && bytes.size() >= kHeadLimit) {
            outcome.head = State::TooManyFields;
        }
    }
    if (outcome.head != State::Complete) {
        // How much of a refused head was consumed depends on the pieces.
        return outcome;
    }
    outcome.consumed = parser.consumed();
    outcome.path = head.path();
    outcome.query = head.query();
    outcome.method = head.method_text();
    outcome.keep_alive = head.keep_alive();
    outcome.expects_continue = head.expects_continue();
    outcome.framing = head.framing();
    outcome.length = head.content_length();
    head.each([&outcome](std::string_view name, std::string_view value) {
        outcome.fields.append(name).append(": ").append(value).append("\n");
    });
    expect(head.field_count() <= Head::kMaxFields, "the number of fields is limited");
    expect(head.framing() != Framing::Chunked || head.lines("content-length").empty(),
           "one framing");
    expect(head.framing() == Framing::Chunked || head.lines("transfer-encoding").empty(),
           "one framing");
    expect(head.lines("content-length").size() <= 1, "one length");
    capture::http::IpText storage;
    expect(!capture::http::client_ip(head, "::1", storage).empty(), "a client has an address");
    head.each_line(capture::http::Name::XRequestStart,
                   [](std::string_view line) { (void)capture::http::parse_request_start(line); });
    head.each_line(capture::http::Name::XAmznTraceId,
                   [](std::string_view line) { (void)capture::http::parse_amzn_trace_id(line); });
    if (head.framing() != Framing::Chunked) return outcome;

    Buffer decoded;
    ChunkSink sink{.buffer = &decoded, .cap = kCap};
    std::size_t at = outcome.consumed;
    std::size_t end = std::max(at, given);
    for (;;) {
        if (at < end) {
            bytes.assign(input.substr(at, end - at));
            std::size_t used = 0;
            outcome.body = parser.body(bytes, sink, used);
            expect(used <= bytes.size(), "no more is used than was given");
            at += used;
        }
        if (outcome.body != State::NeedMore || end == input.size()) break;
        end = std::min(end + piece, input.size());
    }
    outcome.over = sink.over;
    expect(decoded.size() <= kCap, "the cap holds");
    // Past the cap a chunk may be kept in part or not at all, as it arrived.
    if (!sink.over) outcome.decoded.assign(decoded.view());
    if (outcome.body == State::Complete) outcome.consumed = at;
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    capture::fuzz::FuzzInput input(data, size);
    std::size_t const piece = 1 + input.byte() % 64;
    std::string_view const bytes = input.rest();
    (void)capture::http::detect(bytes);
    Outcome const whole = run(bytes, std::max<std::size_t>(bytes.size(), 1));
    Outcome const pieces = run(bytes, piece);
    if (whole.head == State::Complete || pieces.head == State::Complete) {
        expect(whole.head == pieces.head, "pieces do not change whether a head is complete");
    }
    bool const has_chunks = whole.framing == Framing::Chunked;
    if ((whole.head == State::Complete && !has_chunks) || whole.body == State::Complete ||
        pieces.body == State::Complete) {
        expect(whole == pieces, "pieces do not change what was read");
    }
    return 0;
}
