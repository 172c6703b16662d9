#include "pipeline/warnings.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "base/budget.h"
#include "base/uuid.h"
#include "parse/json_text.h"
#include "parse/unicode.h"
#include "pipeline/probe.h"
#include "pipeline/warning_throttle.h"
#include "route/record.h"

namespace capture::pipeline {
namespace {

constexpr std::string_view kEvent = "$$client_ingestion_warning";
constexpr std::string_view kUnknown = "unknown";
constexpr std::size_t kMaxText = 200;  ///< characters of a detail

constexpr std::array<WarningInfo, static_cast<std::size_t>(WarningType::kCount)> kTypes{{
    {WarningType::MissingEventName, "missing_event_name", "an event had no name"},
    {WarningType::MissingDistinctId, "missing_distinct_id", "an event had no distinct_id"},
    {WarningType::DistinctIdTruncated, "distinct_id_truncated",
     "a distinct_id was cut to 200 characters"},
    {WarningType::HighVolumeDistinctId, "high_volume_distinct_id",
     "a distinct_id sent more events than the global rate limit allows"},
    {WarningType::MessageSizeTooLarge, "message_size_too_large",
     "an event is larger than Kafka or the ceiling of AI events allows"},
    {WarningType::InvalidAiEvent, "invalid_ai_event",
     "an event that is no AI event was sent to a deployment for AI events"},
    {WarningType::MissingSessionId, "missing_session_id", "a recording had no session id"},
    {WarningType::InvalidSessionId, "invalid_session_id",
     "the session id of a recording cannot be one"},
    {WarningType::MissingSnapshotData, "missing_snapshot_data", "a recording had no data"},
}};

constexpr bool in_order() {
    for (std::size_t i = 0; i < kTypes.size(); ++i) {
        if (static_cast<std::size_t>(kTypes[i].type) != i) return false;
    }
    return true;
}
static_assert(in_order(), "one row per type, in the order of the enum");

constexpr std::array<const char*, static_cast<std::size_t>(WarningPath::kCount)> kPaths{
    "legacy_analytics", "v1_analytics", "ai_events", "ai_otel", "replay"};

/// Members of a JSON object, one after the other.
class Members {
  public:
    void add(std::string_view name, std::string_view text) {
        begin(name);
        parse::append_json_string(text, json_);
    }
    void add(std::string_view name, std::uint64_t number) {
        begin(name);
        json_ += std::to_string(number);
    }
    void add_json(std::string_view name, std::string_view json) {
        begin(name);
        json_ += json;
    }
    std::string take() {
        if (json_.empty()) json_ += '{';
        return std::move(json_ += '}');
    }

  private:
    void begin(std::string_view name) {
        json_ += json_.empty() ? '{' : ',';
        parse::append_json_string(name, json_);
        json_ += ':';
    }
    std::string json_;
};

std::string_view lib_text(std::string_view text) {
    return text.empty() || text.size() > WarningOrigin::kMaxLib ? kUnknown : text;
}

std::string properties_of(const WarningOrigin& origin, const Warning& warning,
                          WarningDetails details) {
    Members inner;
    for (auto const& [name, value] : details) {
        if (auto const* const number = std::get_if<std::uint64_t>(&value)) {
            inner.add(name, *number);
        } else if (auto const* const text = std::get_if<std::string_view>(&value);
                   text && !text->empty()) {
            inner.add(name, parse::first_code_points(*text, kMaxText));
        }
    }
    inner.add("lib", lib_text(origin.lib));
    inner.add("libVersion", lib_text(origin.lib_version));
    inner.add("path", origin.route);
    inner.add("count", std::max<std::uint64_t>(warning.count, 1));
    inner.add("pipelineStep", warning.step);

    Members properties;
    properties.add("$$client_ingestion_warning_type", info(warning.type).name);
    properties.add("$$client_ingestion_warning_source", kSource);
    properties.add_json("$$client_ingestion_warning_details", inner.take());
    return properties.take();
}

}  // namespace

const WarningInfo& info(WarningType type) {
    return kTypes[static_cast<std::size_t>(type)];
}
std::span<const WarningInfo> warning_table() {
    return kTypes;
}
const char* to_text(WarningPath path) {
    return kPaths[static_cast<std::size_t>(path)];
}

struct Warnings::State {
    State(std::unique_ptr<sink::Sink> where, std::size_t queue_bytes, telemetry::Registry& registry,
          const base::Clock& the_clock, std::size_t max_pairs)
        : clock(the_clock),
          probe(registry),
          throttle(the_clock, max_pairs),
          budget(queue_bytes, queue_bytes),
          sink(std::move(where)) {}

    void count(const WarningOrigin& origin, const Warning& warning, const char* outcome) const {
        probe.warnings.with({info(warning.type).name, kSource, to_text(origin.path), outcome})
            .add();
    }
    base::Uuid fresh_uuid(base::Instant now) {
        std::lock_guard const lock(mutex);
        return uuids.v7(now.millis());
    }
    /// Writes the record; null when there is no room for it.
    sink::RecordGroupPtr write(const WarningOrigin& origin, const std::string& properties);
    void submit(sink::RecordGroupPtr group, const WarningOrigin& origin, const Warning& warning);
    /// The report on an emitted warning; the sink's thread.
    void reported(WarningType type, WarningPath path, model::DeliveryOutcome outcome) const;

    const base::Clock& clock;
    const WarningsProbe probe;
    WarningThrottle throttle;
    std::mutex mutex;  ///< guards uuids
    base::UuidSource uuids;
    base::Budget budget;
    std::unique_ptr<sink::Sink> sink;  ///< last: its reports come until it is gone
};

sink::RecordGroupPtr Warnings::State::write(const WarningOrigin& origin,
                                            const std::string& properties) {
    auto group = sink->open(1, budget);
    if (!group) return nullptr;
    auto const now = base::Instant::from_millis(clock.now().millis());
    model::RequestFacts const facts{
        .token = origin.token, .ip = {}, .now = now, .sent_at = std::nullopt};
    route::RequestTexts const texts(facts, base::Fraction::Millis);
    std::string token;
    parse::append_json_string(origin.token, token);

    model::Event event;
    event.kind = model::EventKind::ClientWarning;
    event.name = kEvent;
    event.distinct_id = origin.token;
    event.uuid = fresh_uuid(now);
    event.timestamp = now;
    event.data.token = token;
    event.data.distinct_id = token;
    event.data.uuid = event.uuid;
    event.data.event = R"("$$client_ingestion_warning")";
    event.data.properties = properties;

    model::Destination const destination{.output = model::Output::ClientWarnings};
    auto& value = group->begin(destination, route::value_size_hint(event));
    route::write_value(value, event, texts);
    model::HeaderList headers;
    route::fill_headers(headers, event, destination, texts, {});
    if (!group->commit(origin.token, {headers.begin(), headers.size()})) return nullptr;
    return group;
}

void Warnings::State::submit(sink::RecordGroupPtr group, const WarningOrigin& origin,
                             const Warning& warning) {
    // A failure that is reported from within submit() never left this process. Reports that come
    // later come from the sink's own threads, and may be here before submit() has returned.
    auto refused = model::DeliveryOutcome::Delivered;
    auto const here = std::this_thread::get_id();
    sink::submit(std::move(group), [this, here, &refused, type = warning.type,
                                    path = origin.path](model::DeliveryOutcome outcome) {
        if (outcome != model::DeliveryOutcome::Delivered && std::this_thread::get_id() == here) {
            refused = outcome;
        } else {
            reported(type, path, outcome);
        }
    });
    switch (refused) {
        case model::DeliveryOutcome::Delivered:
            return count(origin, warning, "emitted");
        case model::DeliveryOutcome::Rejected:
            return count(origin, warning, "serialize_error");
        default:
            return count(origin, warning, "enqueue_error");
    }
}

void Warnings::State::reported(WarningType type, WarningPath path,
                               model::DeliveryOutcome outcome) const {
    bool const delivered = outcome == model::DeliveryOutcome::Delivered;
    probe.warnings
        .with(
            {info(type).name, kSource, to_text(path), delivered ? "delivered" : "delivery_failed"})
        .add();
    if (delivered) return;
    bool const too_large = outcome == model::DeliveryOutcome::TooLargeAtAck;
    probe.delivery_errors
        .with({kSource, to_text(path), too_large ? "too_large" : "not_acknowledged"})
        .add();
}

Warnings::Warnings() = default;
Warnings::Warnings(std::unique_ptr<sink::Sink> sink, std::size_t queue_bytes,
                   telemetry::Registry& registry, const base::Clock& clock, std::size_t max_pairs)
    : state_(std::make_unique<State>(std::move(sink), queue_bytes, registry, clock, max_pairs)) {}
Warnings::~Warnings() = default;
Warnings::Warnings(Warnings&&) noexcept = default;
Warnings& Warnings::operator=(Warnings&&) noexcept = default;

void Warnings::emit(const WarningOrigin& origin, const Warning& warning, WarningDetails details) {
    if (!state_) return;
    switch (state_->throttle.check(origin.token, info(warning.type).name)) {
        case WarningThrottle::Verdict::Throttled:
            return state_->count(origin, warning, "throttled");
        case WarningThrottle::Verdict::CardinalityCapped:
            return state_->count(origin, warning, "cardinality_capped");
        case WarningThrottle::Verdict::Emit:
            break;
    }
    auto group = state_->write(origin, properties_of(origin, warning, details));
    if (!group) return state_->count(origin, warning, "queue_full");
    state_->submit(std::move(group), origin, warning);
}

void Warnings::sweep() {
    if (!state_) return;
    state_->throttle.sweep();
    state_->probe.throttle_keys.set(static_cast<double>(state_->throttle.size()));
}

bool Warnings::flush(std::chrono::milliseconds limit) {
    return !state_ || state_->sink->flush(limit);
}

}  // namespace capture::pipeline
