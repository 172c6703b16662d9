// A whole request's payload through the gate. First byte: path, content type, black hole, budget.
// Second: the Content-Encoding. Then a line with the query; the rest is the body.
#include "decode/form.h"
#include "decode/gate.h"
#include "decode/utf8.h"
#include "fuzz_input.h"

using namespace capture;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static telemetry::Registry registry("fuzz", "events");
    static const decode::Probe probe(registry);
    constexpr std::size_t kCap = 50'000;
    static const decode::Gate gate(kCap, probe, telemetry::Logger::silent());
    constexpr std::string_view kEncodings[]{"", "gzip", "gzip-js", "lz64", "base64", "br", "GZIP"};

    fuzz::FuzzInput input(data, size);
    std::uint8_t const options = input.byte();
    std::string_view const encoding = kEncodings[input.byte() % std::size(kEncodings)];
    auto const query = decode::read_query(input.line());
    if (!query) return 0;

    base::Budget budget(1 << 20, options & 8 ? 60'000 : 1 << 20);
    {
        base::Buffer body(&budget);
        if (!body.append(input.rest())) return 0;
        decode::PayloadInput payload{.body = std::move(body),
                                     .query = *query,
                                     .content_type = options & 1 ? decode::kFormType : "text/plain",
                                     .content_encoding = encoding,
                                     .old_path = (options & 2) != 0};
        bool const black_hole = (options & 4) != 0;
        auto const result = black_hole ? gate.open_black_hole(std::move(payload), &budget)
                                       : gate.open(std::move(payload), &budget);
        if (result) {
            fuzz::expect(decode::is_utf8(result->text.view()), "text is UTF-8");
            if (!black_hole) fuzz::expect(result->text.size() <= kCap, "text is under the cap");
        } else {
            switch (result.error().code) {
                case model::Code::EmptyPayload:
                case model::Code::ReqDecoding:
                case model::Code::OversizeEvent:
                case model::Code::ServiceUnavailable:
                    break;
                default:
                    fuzz::expect(false, "an error of the gate's list");
            }
        }
    }
    fuzz::expect(budget.used() == 0, "every charge is released");
    return 0;
}
