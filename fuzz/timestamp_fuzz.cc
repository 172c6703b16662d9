// Client-made times: what is read can be written, and reads back as itself.
#include "fuzz_input.h"
#include "parse/timestamp.h"

using namespace capture;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<const char*>(data), size);
    base::Instant const now{1'782'907'200, 500'000'000};
    char buffer[base::kMaxInstantText];
    if (auto const at = parse::parse_event_timestamp(text, now)) {
        fuzz::expect(at->nanos < 1'000'000'000, "nanoseconds are below a second");
        if (at->seconds >= -62'167'219'200 && at->seconds < 253'402'300'800) {
            auto const again = parse::parse_event_timestamp(
                base::format_rfc3339(*at, base::Fraction::Groups, buffer), now);
            fuzz::expect(again == at, "an event's timestamp survives being written");
        }
    }
    if (auto const sent = parse::parse_sent_at(text)) {
        std::int64_t const local = sent->at.seconds + sent->offset_minutes * 60;
        if (local >= -62'167'219'200 && local < 253'402'300'800) {
            auto const again = parse::parse_sent_at(base::format_rfc3339(
                sent->at, base::Fraction::Trimmed, buffer, sent->offset_minutes));
            fuzz::expect(
                again && again->at == sent->at && again->offset_minutes == sent->offset_minutes,
                "sent_at survives being written");
        }
    }
    return 0;
}
