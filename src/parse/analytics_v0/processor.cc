#include "parse/analytics_v0/processor.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "base/prefetch.h"
#include "parse/distinct_id.h"
#include "parse/event_times.h"
#include "parse/json_text.h"
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

/// Of a large batch, what an event's texts say has left the caches since they were read.
void prefetch_texts(const ParsedEvent& event) {
    base::prefetch(event.name.data(), 1);
    base::prefetch(event.distinct_id.data(), 1);
    base::prefetch(event.timestamp.data(), 1);
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
          times_(processor.probe_, facts),
          arena_(arena) {
        if (options_.reroute_historical) {
            reroute_before_ = processor.clock_.now().plus_millis(
                -options_.historical_threshold_days * kMillisPerDay);
        }
    }
    ~Run() {
        if (padded_) probe_.distinct_id_whitespace.add(padded_);
        if (splits_) probe_.heatmap_redirects.add(splits_);
        if (rerouted_) probe_.rerouted.add(rerouted_);
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    model::Result<void> add(const ParsedEvent& parsed, std::vector<Event>& out);

  private:
    EventKind kind_of(std::string_view name) const;
    void add_heatmap(const ParsedEvent& parsed, const DistinctId& id, const Event& original,
                     std::vector<Event>& out);

    const ProcessorOptions& options_;
    const Probe& probe_;
    base::UuidSource& uuids_;
    const model::EventBatch& batch_;
    const model::RequestFacts& facts_;
    EventTimes times_;
    base::Arena& arena_;
    Instant reroute_before_;
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

model::Result<void> Processor::Run::add(const ParsedEvent& parsed, std::vector<Event>& out) {
    if (parsed.name.empty()) return model::fail(Code::NoEventName);
    EventKind kind = kind_of(parsed.name);
    Instant const at = times_.of(parsed, parsed.facts.ignore_sent_at);
    auto const id = distinct_id_of(parsed, BlankId::Missing, arena_);
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
    event.timestamp = times_.of(source, false);
    event.uuid = uuids_.v7(event.timestamp.millis());
    event.cookieless = original.cookieless;
    event.data.token = parsed.token_json;
    event.data.distinct_id = quoted(parsed, id, arena_);
    event.data.event = "\"$$heatmap\"";
    event.data.members = parsed.facts.parts->heatmap;
    event.data.edited = true;
    event.data.timestamp = parsed.timestamp_json;
    event.data.offset = parsed.offset_json;
    padded_ += trim_white_space(id.text).size() != id.text.size();
    ++splits_;
    out.push_back(event);
}

Processor::Processor(const ProcessorOptions& options, const Probe& probe, const base::Clock& clock)
    : options_(options), probe_(probe), clock_(clock) {}

model::Result<void> Processor::process(const model::EventBatch& batch,
                                       const model::RequestFacts& facts, base::Arena& arena,
                                       std::vector<Event>& out) {
    auto const split_off = static_cast<std::size_t>(std::ranges::count_if(batch.events, splits));
    out.reserve(out.size() + batch.events.size() + split_off);
    Run run(*this, batch, facts, arena);
    constexpr std::size_t kAhead = 4;
    std::size_t const count = batch.events.size();
    for (std::size_t i = 0; i < count; ++i) {
        if (i + kAhead < count) prefetch_texts(batch.events[i + kAhead]);
        auto const added = run.add(batch.events[i], out);
        if (arena.exhausted())
            return model::fail(Code::ServiceUnavailable, "memory budget exhausted");
        if (!added) return added;
    }
    return {};
}

}  // namespace capture::parse::analytics_v0
