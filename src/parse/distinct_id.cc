#include "parse/distinct_id.h"

#include <string>

#include "parse/compact_json.h"
#include "parse/json_text.h"
#include "parse/unicode.h"

namespace capture::parse {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

std::string_view without_nul(std::string_view text, base::Arena& arena) {
    if (!text.contains('\0')) return text;
    std::string out;
    for (char const c : text) {
        if (c == '\0')
            out += kReplacement;
        else
            out += c;
    }
    return arena.copy(out);
}

bool is_plain(char c) {
    return c > ' ' && c < 0x7f;
}

DistinctId cut(std::string_view text) {
    std::string_view const kept = first_code_points(text, kMaxDistinctId);
    return {.text = kept, .truncated = kept.size() != text.size()};
}

std::optional<DistinctId> from_string(std::string_view text, BlankId blank, base::Arena& arena) {
    if (text.empty()) return std::nullopt;
    if (is_plain(text.front()) && is_plain(text.back())) return cut(without_nul(text, arena));
    std::string_view const trimmed = trim_white_space(text);
    if (trimmed.empty() && blank == BlankId::Missing) return std::nullopt;
    DistinctId id = cut(without_nul(text, arena));
    id.padded = trimmed.size() != text.size();
    return id;
}

}  // namespace

std::optional<DistinctId> distinct_id_of(const model::ParsedEvent& event, BlankId blank,
                                         base::Arena& arena) {
    model::RawJson const value =
        event.distinct_id.empty() ? event.facts.distinct_id : event.distinct_id;
    if (value.empty()) return std::nullopt;
    if (value.front() != '"') {
        // A code point has up to four bytes; one more than the cut keeps shows that there was
        // something to cut.
        return cut(arena.copy(compact_json(value, 4 * (kMaxDistinctId + 1))));
    }
    std::string_view const inner = value.substr(1, value.size() - 2);
    return from_string(inner.contains('\\') ? unescape(inner, arena) : inner, blank, arena);
}

model::RawJson quoted(const model::ParsedEvent& event, const DistinctId& id, base::Arena& arena) {
    for (model::RawJson const own : {event.distinct_id, event.facts.distinct_id}) {
        if (own.data() && own.data() + 1 == id.text.data() && own.size() == id.text.size() + 2)
            return own;
    }
    std::string text;
    append_json_string(id.text, text);
    return arena.copy(text);
}

}  // namespace capture::parse
