#include "parse/analytics_v0/processor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "parse/analytics_v0/distinct_id.h"
#include "parse/json_text.h"
#include "parse/timestamp.h"
#include "parse/unicode.h"

namespace capture::parse::analytics_v0 {
namespace {

using base::Instant;
using model::Code;
using model::Event;
using model::EventKind;
using model::ParsedEvent;

constexpr std::string_view kLocalIp = "127.0.0.1";
constexpr std::string_view kHeatmap = "$$heatmap";
constexpr std::string_view kAiPrefix = "$ai_";
constexpr std::int64_t kMaxFutureMs = 23 * 3'600'000;
constexpr std::int64_t kMillisPerDay = 86'400'000;

/// Contract 50 §3.
constexpr std::array<std::string_view, 11> kAiLane{
    "$ai_generation",
    "$ai_embedding",
    "$ai_evaluation",
    "$ai_span",
    "$ai_trace",
    "$ai_metric",
    "$ai_feedback",
    "$ai_tag",
    "$ai_generation_summary",
    "$ai_trace_summary",
    "$ai_evaluation_report",
};

Instant minus(Instant a, std::int64_t seconds, std::int64_t nanos) {
    std::int64_t left = static_cast<std::int64_t>(a.nanos) - nanos;
    std::int64_t whole = a.seconds - seconds;
    if (left < 0) left += 1'000'000'000, --whole;
    if (left >= 1'000'000'000) left -= 1'000'000'000, ++whole;
    return {whole, static_cast<std::uint32_t>(left)};
}

double seconds_between(Instant a, Instant b) {
    return std::fabs(static_cast<double>(a.seconds - b.seconds) +
                     (static_cast<double>(a.nanos) - static_cast<double>(b.nanos)) * 1e-9);
}

bool printable_year(Instant at) {
    static const std::int64_t kFirst = base::from_civil({.year = 0});
    static const std::int64_t kEnd = base::from_civil({.year = 10'000});
    return at.seconds >= kFirst && at.seconds < kEnd;
}

bool splits(const ParsedEvent& event) {
    model::PropertyFacts const& facts = event.facts;
    return event.name != kHeatmap &&
           (facts.heatmap_data || (facts.prev_pageview_pathname && facts.current_url));
}

/// A run of whole members, without the commas around it.
std::string_view trim_run(std::string_view run) {
    constexpr std::string_view kAround = " \t\r\n,";
    std::size_t const first = run.find_first_not_of(kAround);
    if (first == run.npos) return {};
    return run.substr(first, run.find_last_not_of(kAround) - first + 1);
}

/// Leaves properties out: what remains is the runs between them.
void remove_members(const ParsedEvent& event, bool heatmap, bool gateway, base::Arena& arena,
                    model::EventData& data) {
    auto const cuts = event.facts.parts->cuts;
    auto const runs = arena.array<std::string_view>(cuts.size() + 1);
    std::size_t count = 0;
    const char* from = event.properties.data() + 1;
    auto const keep_until = [&](const char* to) {
        std::string_view const run = trim_run({from, to});
        if (!run.empty()) std::construct_at(&runs[count++], run);
    };
    for (auto const& cut : cuts) {
        if (!(cut.gateway ? gateway : heatmap)) continue;
        keep_until(cut.member.data());
        from = cut.member.data() + cut.member.size();
    }
    keep_until(event.properties.data() + event.properties.size() - 1);
    data.members = runs.first(count);
    data.edited = true;
}

}  // namespace

/// Facts and counts of one request on its way through the processor.
class Processor::Run {
  public:
    Run(Processor& processor, const model::EventBatch& batch, const model::RequestFacts& facts,
        base::Arena& arena)
        : options_(processor.options_),
          probe_(processor.probe_),
          uuids_(processor.uuids_),
          batch_(batch),
          facts_(facts),
          arena_(arena) {
        if (options_.reroute_historical) {
            reroute_before_ = processor.clock_.now().plus_millis(
                -options_.historical_threshold_days * kMillisPerDay);
        }
    }
    ~Run() {
        for (std::size_t i = 0; i < kTimestampPathCount; ++i) {
            if (paths_[i]) probe_.timestamp_path[i].add(paths_[i]);
        }
        if (padded_) probe_.distinct_id_whitespace.add(padded_);
        if (splits_) probe_.heatmap_redirects.add(splits_);
        if (rerouted_) probe_.rerouted.add(rerouted_);
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    model::Result<void> add(const ParsedEvent& parsed, std::vector<Event>& out);

  private:
    EventKind kind_of(std::string_view name) const;
    Instant time_of(const ParsedEvent& parsed, bool ignore_sent_at);
    void add_heatmap(const ParsedEvent& parsed, const DistinctId& id, const Event& original,
                     std::vector<Event>& out);
    model::RawJson quoted(const ParsedEvent& parsed, const DistinctId& id);

    const ProcessorOptions& options_;
    const Probe& probe_;
    base::UuidSource& uuids_;
    const model::EventBatch& batch_;
    const model::RequestFacts& facts_;
    base::Arena& arena_;
    Instant reroute_before_;
    std::array<int, kTimestampPathCount> paths_{};
    int padded_ = 0;
    int splits_ = 0;
    int rerouted_ = 0;
};

EventKind Processor::Run::kind_of(std::string_view name) const {
    if (name.starts_with('$')) {
        if (name == "$$client_ingestion_warning") return EventKind::ClientWarning;
        if (name == "$exception") return EventKind::Exception;
        if (name == kHeatmap) return EventKind::Heatmap;
        if (name.starts_with(kAiPrefix) &&
            (options_.ai_lane_by_prefix || std::ranges::find(kAiLane, name) != kAiLane.end())) {
            return EventKind::Ai;
        }
    }
    return batch_.historical_migration ? EventKind::AnalyticsHistorical : EventKind::AnalyticsMain;
}

Instant Processor::Run::time_of(const ParsedEvent& parsed, bool ignore_sent_at) {
    Instant const now = facts_.now;
    Instant at = now;
    TimestampPath path = TimestampPath::NowFallback;
    std::optional<Instant> const claimed =
        parsed.timestamp_json.empty() ? std::nullopt : parse_event_timestamp(parsed.timestamp, now);
    if (claimed && facts_.sent_at && !ignore_sent_at) {
        Instant const sent = facts_.sent_at->at;
        at = minus(*claimed, sent.seconds - now.seconds,
                   static_cast<std::int64_t>(sent.nanos) - static_cast<std::int64_t>(now.nanos));
        path = TimestampPath::SentAtSkew;
        probe_.clock_skew.observe(seconds_between(sent, now));
    } else if (claimed) {
        at = *claimed;
        path = TimestampPath::TimestampRaw;
    }
    if (parsed.offset) {
        // −offset has no value for the smallest one; a neighbour lands outside all years as well.
        at = now.plus_millis(-std::max(*parsed.offset, -std::numeric_limits<std::int64_t>::max()));
        path = TimestampPath::Offset;
    }
    if (at > now.plus_millis(kMaxFutureMs)) at = now;
    if (!printable_year(at)) at = Instant{};
    auto const index = static_cast<std::size_t>(path);
    ++paths_[index];
    if (parsed.uuid && parsed.uuid->version() == 7) {
        Instant const captured =
            Instant::from_millis(static_cast<std::int64_t>(parsed.uuid->v7_millis()));
        auto const& gaps = at < captured ? probe_.stored_earlier : probe_.stored_later;
        gaps[index].observe(seconds_between(at, captured));
    }
    return at;
}

model::Result<void> Processor::Run::add(const ParsedEvent& parsed, std::vector<Event>& out) {
    if (parsed.name.empty()) return model::fail(Code::NoEventName);
    EventKind kind = kind_of(parsed.name);
    Instant const at = time_of(parsed, parsed.facts.ignore_sent_at);
    auto const id = distinct_id_of(parsed, arena_);
    if (!id) return model::fail(Code::NoDistinctId);
    padded_ += id->padded;
    if (kind == EventKind::AnalyticsMain && options_.reroute_historical && at <= reroute_before_) {
        kind = EventKind::AnalyticsHistorical;
        ++rerouted_;
    }
    if (parsed.facts.cookieless == model::Cookieless::Invalid)
        return model::fail(Code::InvalidCookieless);

    Event& event = out.emplace_back();
    event.kind = kind;
    event.name = parsed.name;
    event.distinct_id = id->text;
    event.distinct_id_truncated = id->truncated;
    event.distinct_id_length = id->length;
    event.ip = parsed.facts.capture_internal ? kLocalIp : facts_.ip;
    event.uuid = parsed.uuid ? *parsed.uuid : uuids_.v7(at.millis());
    event.timestamp = at;
    event.cookieless = parsed.facts.cookieless == model::Cookieless::True;
    model::EventData& data = event.data;
    data.token = parsed.token_json;
    data.distinct_id = parsed.distinct_id;
    data.uuid = parsed.uuid;
    data.event = parsed.name_json;
    data.properties = parsed.properties.empty() ? "{}" : parsed.properties;
    data.timestamp = parsed.timestamp_json;
    data.offset = parsed.offset_json;
    data.set = parsed.set;
    data.set_once = parsed.set_once;

    bool const split = splits(parsed);
    bool const strip_gateway = parsed.facts.ai_gateway && parsed.name.starts_with(kAiPrefix);
    bool const strip_heatmap = split && parsed.facts.heatmap_data;
    if (strip_gateway || strip_heatmap)
        remove_members(parsed, strip_heatmap, strip_gateway, arena_, data);
    if (split) {
        event.skip_heatmap_processing = true;
        add_heatmap(parsed, *id, event, out);
    }
    return {};
}

/// The synthetic event of a split. It could only fail for reasons that would have failed the
/// original first.
void Processor::Run::add_heatmap(const ParsedEvent& parsed, const DistinctId& id,
                                 const Event& original, std::vector<Event>& out) {
    ParsedEvent source;
    source.timestamp = parsed.timestamp;
    source.timestamp_json = parsed.timestamp_json;
    source.offset = parsed.offset;

    Event event;
    event.kind = EventKind::Heatmap;
    event.name = kHeatmap;
    event.distinct_id = id.text;
    event.ip = facts_.ip;
    event.timestamp = time_of(source, false);
    event.uuid = uuids_.v7(event.timestamp.millis());
    event.cookieless = original.cookieless;
    event.data.token = parsed.token_json;
    event.data.distinct_id = quoted(parsed, id);
    event.data.event = "\"$$heatmap\"";
    event.data.members = parsed.facts.parts->heatmap;
    event.data.edited = true;
    event.data.timestamp = parsed.timestamp_json;
    event.data.offset = parsed.offset_json;
    padded_ += trim_white_space(id.text).size() != id.text.size();
    ++splits_;
    out.push_back(event);
}

/// The stringified distinct_id as a JSON string; the client's own bytes where they are the same.
model::RawJson Processor::Run::quoted(const ParsedEvent& parsed, const DistinctId& id) {
    for (model::RawJson const own : {parsed.distinct_id, parsed.facts.distinct_id}) {
        if (own.data() && own.data() + 1 == id.text.data() && own.size() == id.text.size() + 2)
            return own;
    }
    std::string text;
    append_json_string(id.text, text);
    return arena_.copy(text);
}

Processor::Processor(const ProcessorOptions& options, const Probe& probe, const base::Clock& clock)
    : options_(options), probe_(probe), clock_(clock) {}

model::Result<void> Processor::process(const model::EventBatch& batch,
                                       const model::RequestFacts& facts, base::Arena& arena,
                                       std::vector<Event>& out) {
    auto const split_off = static_cast<std::size_t>(std::ranges::count_if(batch.events, splits));
    out.reserve(out.size() + batch.events.size() + split_off);
    Run run(*this, batch, facts, arena);
    for (ParsedEvent const& parsed : batch.events) {
        auto const added = run.add(parsed, out);
        if (arena.exhausted())
            return model::fail(Code::ServiceUnavailable, "memory budget exhausted");
        if (!added) return added;
    }
    return {};
}

std::size_t data_size(const model::EventData& data) {
    constexpr std::string_view kNull = "null";
    auto const field = [](std::string_view key, std::size_t value) { return key.size() + value; };
    auto const optional = [&](std::string_view key, std::string_view value) {
        return value.empty() ? 0 : field(key, value.size());
    };
    std::size_t properties = data.properties.empty() ? 2 : data.properties.size();
    if (data.edited) {
        properties = 2;
        for (std::string_view const run : data.members)
            properties += run.size();
        if (!data.members.empty()) properties += data.members.size() - 1;
    }
    return std::string_view("{}").size() + optional("\"token\":,", data.token) +
           optional("\"distinct_id\":,", data.distinct_id) +
           field("\"uuid\":,", data.uuid ? base::Uuid::kTextSize + 2 : kNull.size()) +
           field("\"event\":,", data.event.size()) + field("\"properties\":", properties) +
           optional(",\"timestamp\":", data.timestamp) + optional(",\"offset\":", data.offset) +
           optional(",\"$set\":", data.set) + optional(",\"$set_once\":", data.set_once);
}

}  // namespace capture::parse::analytics_v0
