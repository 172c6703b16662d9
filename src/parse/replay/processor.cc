#include "parse/replay/processor.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "parse/distinct_id.h"
#include "parse/event_times.h"
#include "parse/json.h"
#include "parse/json_text.h"
#include "parse/replay/session_id.h"

namespace capture::parse::replay {
namespace {

using model::Code;
using Property = model::SnapshotFacts::Property;

constexpr std::string_view kNameJson = "\"$snapshot_items\"";

/// `"key":value` in the arena.
std::string_view make_member(std::string_view key, model::RawJson value, base::Arena& arena) {
    std::string text;
    text.reserve(key.size() + value.size() + 3);
    text.append("\"").append(key).append("\":").append(value);
    return arena.copy(text);
}

std::string_view lib_member(const Property& lib, std::string_view user_agent, base::Arena& arena) {
    if (!lib.member.empty()) return lib.member;
    std::string quoted;
    append_json_string(library_of(user_agent), quoted);
    return make_member("$lib", quoted, arena);
}

model::Result<void> take_session_id(const Property& property, base::Arena& arena,
                                    model::Event& out) {
    if (property.value.empty()) return model::fail(Code::NoSessionId);
    out.session_id = text_of(property.value, arena);
    if (!out.session_id) return model::fail(Code::InvalidSession, "not_a_string");
    if (const char* const problem = session_id_problem(*out.session_id))
        return model::fail(Code::InvalidSession, problem);
    return {};
}

/// The members of the produced `properties`, but for the items.
std::span<const std::string_view> members_of(const model::ParsedEvent& first, const DistinctId& id,
                                             std::string_view user_agent, base::Arena& arena) {
    model::SnapshotFacts const& snapshot = *first.facts.snapshot;
    std::array<std::string_view, 6> members{
        make_member("distinct_id", quoted(first, id, arena), arena),
        snapshot.session_id.member,
        snapshot.window_id.member.empty()
            ? make_member("$window_id", snapshot.session_id.value, arena)
            : snapshot.window_id.member,
        first.facts.mobile ? R"("$snapshot_source":"mobile")" : R"("$snapshot_source":"web")",
        lib_member(snapshot.lib, user_agent, arena),
        snapshot.host.member,
    };
    std::size_t const count = snapshot.host.member.empty() ? 5 : 6;
    auto const kept = arena.array<std::string_view>(count);
    std::uninitialized_copy_n(members.begin(), count, kept.begin());
    return kept;
}

/// What is between the brackets, without the blanks around it.
std::string_view elements_of(model::RawJson array) {
    std::string_view inner = array.substr(1, array.size() - 2);
    while (!inner.empty() && is_json_blank(inner.front()))
        inner.remove_prefix(1);
    while (!inner.empty() && is_json_blank(inner.back()))
        inner.remove_suffix(1);
    return inner;
}

}  // namespace

std::string_view library_of(std::string_view user_agent) {
    std::string_view const product = user_agent.substr(0, user_agent.find('/'));
    // What is not printable is taken for a header that is not there.
    auto const printable = [](char c) { return (c >= ' ' && c < 0x7f) || c == '\t'; };
    if (!std::ranges::all_of(user_agent, printable)) return "web";
    return product.contains("posthog") ? product : "web";
}

model::Result<void> Processor::describe(const model::EventBatch& batch,
                                        const model::RequestFacts& facts,
                                        std::string_view user_agent, base::Arena& arena,
                                        model::Event& out) {
    model::ParsedEvent const& first = batch.events.front();
    base::Instant const at = EventTimes(probe_, facts).of(first, first.facts.ignore_sent_at);
    auto const id = distinct_id_of(first, BlankId::Kept, arena);
    if (!id) return model::fail(Code::NoDistinctId);
    auto taken = take_session_id(first.facts.snapshot->session_id, arena, out);
    if (!taken) return taken;

    out.kind = model::EventKind::Snapshot;
    out.name = model::kSnapshotItems;
    out.distinct_id = id->text;
    out.distinct_id_truncated = id->truncated;
    out.distinct_id_length = id->length;
    out.ip = facts.ip;
    out.uuid = first.uuid ? *first.uuid : uuids_.v7(at.millis());
    out.timestamp = at;
    out.cookieless = first.facts.cookieless == model::Cookieless::True;
    out.data.event = kNameJson;
    out.data.members = members_of(first, *id, user_agent, arena);
    out.data.edited = true;
    return {};
}

model::Result<void> Processor::collect_items(const model::EventBatch& batch, base::Arena& arena,
                                             model::Event& out) {
    auto const items = arena.array<std::string_view>(batch.events.size());
    std::size_t count = 0;
    for (model::ParsedEvent const& event : batch.events) {
        model::RawJson const data = event.facts.snapshot->data;
        if (data.empty()) return model::fail(Code::NoSnapshot, "absent");
        if (data.front() != '[' && data.front() != '{')
            return model::fail(Code::NoSnapshot, "wrong_json_type");
        std::string_view const run = data.front() == '[' ? elements_of(data) : data;
        if (!run.empty()) std::construct_at(&items[count++], run);
    }
    using Items = std::span<const std::string_view>;
    out.data.items = std::construct_at(arena.array<Items>(1).data(), items.first(count));
    return {};
}

}  // namespace capture::parse::replay
