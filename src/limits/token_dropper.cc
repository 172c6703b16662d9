#include "limits/token_dropper.h"

#include <array>

#include "limits/key_list.h"

namespace capture::limits {

TokenDropper::TokenDropper(std::string_view list, telemetry::Logger& logger) {
    for_each_part(list, ',', [&](std::string_view entry) {
        if (is_blank(entry)) return;
        std::array<std::string_view, 2> parts;
        std::size_t count = 0;
        for_each_part(entry, ':', [&](std::string_view part) {
            if (count < parts.size() && !is_blank(part)) parts[count++] = part;
        });
        if (count == 0) {
            logger.warn("capture::limits",
                        "DROP_EVENTS_BY_TOKEN_DISTINCT_ID has an entry without a token",
                        {{"entry", entry}});
            return;
        }
        Entry& kept = tokens_[parts[0]];
        if (count == 1) {
            kept.all = true;
        } else {
            kept.ids.emplace(parts[1]);
        }
    });
}

const TokenDropper::Entry* TokenDropper::of(std::string_view token) const {
    if (tokens_.empty()) return nullptr;
    auto const found = tokens_.find(token);
    return found == tokens_.end() ? nullptr : &found->second;
}

}  // namespace capture::limits
