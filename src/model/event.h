// The nouns between parse and sink: ParsedEvent → Event, in an EventBatch. All string_views point
// into the request's DecodedBody or its Arena and live exactly as long. One worker thread at a
// time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/budget.h"
#include "base/time.h"
#include "base/uuid.h"

namespace capture::model {

/// A JSON value exactly as the client sent it, validated; empty when the field is absent.
using RawJson = std::string_view;

enum class Cookieless : std::uint8_t { Absent, False, True, Invalid };

/// Members of `properties` that processing may move or remove, as slices `"key":value`. Made only
/// for events that need them.
struct PropertyParts {
    struct Cut {
        std::string_view member;
        bool gateway;  ///< `$ai_gateway…`, else `$heatmap_data`
    };
    std::span<const std::string_view>
        heatmap;                ///< what a synthetic `$$heatmap` event keeps: one per key, the last
    std::span<const Cut> cuts;  ///< all that may have to be removed, in the order of the text
};

struct SentAt {
    base::Instant at;
    std::int16_t offset_minutes = 0;
};

/// What replay asks of an event (contract 40 §4); an absent or null property is empty.
struct SnapshotFacts {
    struct Property {
        std::string_view member;  ///< `"key":value` as sent
        RawJson value;
    };
    Property session_id, window_id, lib;
    Property host;  ///< when a string
    RawJson source;
    RawJson data;                   ///< `$snapshot_data`
    std::optional<SentAt> sent_at;  ///< the event's own
};

/// What later stages ask of an event's `properties`, collected in the one walk over them (top-level
/// keys only; of duplicates the last wins).
struct PropertyFacts {
    std::optional<std::string_view> token;  ///< `token`, when a string (unescaped)
    RawJson distinct_id;                    ///< `distinct_id`, absent when null
    std::string_view lib;                   ///< `$lib`, when a string
    std::string_view lib_version;           ///< `$lib_version`, when a string
    Cookieless cookieless = Cookieless::Absent;
    bool ignore_sent_at : 1 = false;    ///< `$ignore_sent_at` is true
    bool capture_internal : 1 = false;  ///< key present, any value
    bool product_tour_id : 1 = false;   ///< `$product_tour_id` present
    bool heatmap_data : 1 = false;      ///< `$heatmap_data` present
    bool prev_pageview_pathname : 1 = false;
    bool current_url : 1 = false;
    bool ai_gateway : 1 = false;  ///< some key starts with `$ai_gateway`
    bool mobile : 1 = false;      ///< replay: recorded by a mobile SDK
    const PropertyParts* parts =
        nullptr;  ///< null unless a heatmap split or the removal of members may follow
    const SnapshotFacts* snapshot = nullptr;  ///< replay only, never null there
};

/// One event as the client sent it, shape and types checked (contract 10 §7).
struct ParsedEvent {
    std::optional<std::string_view> token;  ///< top-level token, unescaped
    RawJson token_json;
    RawJson distinct_id;  ///< any JSON; absent when null
    std::optional<base::Uuid> uuid;
    std::string_view name;       ///< unescaped
    RawJson name_json;           ///< with quotes
    RawJson properties;          ///< an object; empty = missing
    std::string_view timestamp;  ///< unescaped; empty + empty timestamp_json = absent
    RawJson timestamp_json;
    std::optional<std::int64_t> offset;
    RawJson offset_json;
    RawJson set;
    RawJson set_once;
    PropertyFacts facts;
};

/// A request's events after parsing and hydration.
struct EventBatch {
    std::vector<ParsedEvent> events;
    base::Charge events_charge;  ///< memory of `events` (and of what is made from them)
    std::optional<std::string_view> batch_token;  ///< shape 2 only
    bool is_array = false;                        ///< shape 1
    bool historical_migration = false;
    std::optional<SentAt> sent_at;  ///< from the body
};

/// Decided from the event's name and the batch's historical flag (contract 10 §10.1).
enum class EventKind : std::uint8_t {
    AnalyticsMain,
    AnalyticsHistorical,
    Exception,
    Heatmap,
    ClientWarning,
    Ai,
    Snapshot,
};

/// Whose restrictions and DLQ an event falls under.
enum class Pipeline : std::uint8_t {
    Analytics,
    Ai,
    ErrorTracking,
    Heatmaps,
    ClientWarnings,
    SessionReplay
};
Pipeline pipeline_of(EventKind kind);

enum class OverflowReason : std::uint8_t {
    None,
    ForcedKey,        ///< operator's list: overflow, no key, person processing off
    RateLimited,      ///< token bucket: overflow, key by the locality setting
    GlobalRateLimit,  ///< fleet-wide limiter: overflow, no key (person processing is off as well)
    ReplayLimited,    ///< session in the replay overflow set
};

/// What the limits have decided about an event; inputs of route. Nothing is set where no limit
/// applies.
struct Stamps {
    bool dlq = false;
    bool force_overflow = false;  ///< restriction
    bool person_processing_off =
        false;  ///< restriction, global limiter or forced key: sets the header
    OverflowReason overflow = OverflowReason::None;
    std::string_view custom_topic;  ///< restriction; empty = none
};

/// The fields of `data`, in the order they are written (contract 10 §12.1, 40 §8). The values are
/// the client's own bytes.
struct EventData {
    RawJson token;
    RawJson distinct_id;
    std::optional<base::Uuid> uuid;
    RawJson event;
    RawJson properties;  ///< whole object; unused when `edited`
    std::span<const std::string_view>
        members;  ///< what remains after an edit: texts of one or more `"key":value`
    bool edited = false;
    /// Replay: the elements of `$snapshot_items`, which ends the edited properties, as texts of one
    /// or more; such data has no uuid. Null for other events.
    const std::span<const std::string_view>* items = nullptr;
    RawJson timestamp;
    RawJson offset;
    RawJson set;
    RawJson set_once;
};

/// Bytes of the `data` text, before it is escaped into the record.
std::size_t data_size(const EventData& data);

/// Name of what a recording's events become (contract 40 §8).
inline constexpr std::string_view kSnapshotItems = "$snapshot_items";

/// One event that passed validation, ready for limits and routing.
struct Event {
    EventKind kind = EventKind::AnalyticsMain;
    std::string_view name;
    std::string_view distinct_id;                ///< normalised, at most 200 characters
    std::optional<std::string_view> session_id;  ///< nothing = unknown; an empty one is one
    std::string_view ip;                         ///< redacted where the event asks for it
    base::Uuid uuid;
    base::Instant timestamp;
    bool cookieless = false;
    bool skip_heatmap_processing = false;
    bool distinct_id_truncated = false;
    std::uint32_t distinct_id_length = 0;  ///< characters before the cut; 0 when uncut or unknown
    EventData data;
    Stamps stamps;

    bool historical() const { return kind == EventKind::AnalyticsHistorical; }
};

/// What all records of one request share.
struct RequestFacts {
    std::string_view token;
    std::string_view ip;  ///< canonical text of the client's address
    base::Instant now;
    std::optional<SentAt> sent_at;
};

}  // namespace capture::model
