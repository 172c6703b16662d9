// A whole request through every room but the sockets, to one of the two surfaces: query, content
// type, path and body come from the input. Every answer must have a known status, every event must
// end once, and every record's value and data must be JSON again, those of warnings too.
// fuzz-link: pipeline
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "pipeline/analytics_v0.h"
#include "pipeline/replay.h"
#include "pipeline/testing.h"

namespace {

using capture::pipeline::AnalyticsV0;
using capture::pipeline::Replay;
using capture::pipeline::testing::FakeRequest;
using capture::pipeline::testing::World;

constexpr const char* kPaths[] = {"/e/",      "/i/v0/e/", "/batch/",
                                  "/engage/", "/capture", "/i/v0/ai/batch"};
constexpr const char* kTypes[] = {"application/json", "application/x-www-form-urlencoded",
                                  "text/plain", ""};
constexpr const char* kEncodings[] = {"", "gzip", "lz64", "base64"};

/// Takes the query, up to the first newline, off the front of the text.
std::string take_line(std::string_view& text) {
    std::size_t const end = text.find('\n');
    if (end == std::string_view::npos) return {};
    std::string line(text.substr(0, end));
    text.remove_prefix(end + 1);
    return line;
}

/// Reads a record back with the service's own reader: what it forwards, it must accept.
void check(const std::string& value) {
    capture::model::DecodedBody body;
    if (!body.text.append(value) || !body.text.reserve(value.size() + 1)) std::abort();
    capture::base::Arena arena;
    capture::parse::analytics_v0::Reader reader;
    if (!reader.read(body, false, arena, nullptr)) std::abort();
}

/// A surface in a world of its own, where warnings are on.
template <typename Surface>
struct Place {
    explicit Place(capture::config::Environment environment) : world(std::move(environment)) {}
    World world;
    Surface surface{world.context, world.decode_probe, world.parse_probe};
    capture::pipeline::testing::MemorySink* warned = &world.warn();
};

/// `choice` chooses the headers.
template <typename Surface>
void answer_one(Place<Surface>& place, const char* path, std::uint8_t choice,
                std::string_view rest) {
    World& world = place.world;
    std::string query = take_line(rest);
    FakeRequest request(path, std::string(rest));
    request.query_text = std::move(query);
    request.headers["content-type"] = kTypes[choice / 6 % 4];
    request.headers["content-encoding"] = kEncodings[choice / 24 % 4];

    world.sink.records.clear();
    auto const answer = world.serve(place.surface, request);
    switch (answer.status) {
        case 200:
        case 204:
        case 400:
        case 401:
        case 413:
            break;
        default:
            std::abort();
    }
    if (!world.ledger.balanced() || world.ledger.in_flight() != 0 || world.budget.used() != 0)
        std::abort();
    if (answer.status >= 400 && !world.sink.records.empty()) std::abort();
    for (auto const& record : world.sink.records)
        check(record.value);
    if (place.warned->records.empty()) return;
    for (auto const& record : place.warned->records)
        check(record.value);
    place.warned = &world.warn();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    static Place<AnalyticsV0> events(capture::config::Environment{});
    static Place<Replay> recordings(capture::config::Environment{{"CAPTURE_MODE", "recordings"}});
    // The highest bit chooses the surface, the rest path and headers.
    std::uint8_t const choice = data[0] & 0x7f;
    std::string_view const rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] & 0x80) {
        answer_one(recordings, "/s/", choice, rest);
    } else {
        answer_one(events, kPaths[choice % 6], choice, rest);
    }
    return 0;
}
