#include "model/event.h"

namespace capture::model {

Pipeline pipeline_of(EventKind kind) {
    switch (kind) {
        case EventKind::AnalyticsMain:
        case EventKind::AnalyticsHistorical:
            return Pipeline::Analytics;
        case EventKind::Exception:
            return Pipeline::ErrorTracking;
        case EventKind::Heatmap:
            return Pipeline::Heatmaps;
        case EventKind::ClientWarning:
            return Pipeline::ClientWarnings;
        case EventKind::Ai:
            return Pipeline::Ai;
        case EventKind::Snapshot:
            return Pipeline::SessionReplay;
    }
    return Pipeline::Analytics;
}

std::size_t data_size(const EventData& data) {
    constexpr std::string_view kNull = "null";
    auto const field = [](std::string_view key, std::size_t value) { return key.size() + value; };
    auto const optional = [&](std::string_view key, std::string_view value) {
        return value.empty() ? 0 : field(key, value.size());
    };
    auto const joined = [](std::span<const std::string_view> texts) {
        std::size_t bytes = texts.empty() ? 0 : texts.size() - 1;
        for (std::string_view const text : texts)
            bytes += text.size();
        return bytes;
    };
    std::size_t properties = data.properties.empty() ? 2 : data.properties.size();
    if (data.edited) properties = 2 + joined(data.members);
    std::size_t uuid = field("\"uuid\":,", data.uuid ? base::Uuid::kTextSize + 2 : kNull.size());
    if (data.items) {
        properties += field(",\"$snapshot_items\":[]", joined(*data.items));
        uuid = 0;
    }
    return std::string_view("{}").size() + optional("\"token\":,", data.token) +
           optional("\"distinct_id\":,", data.distinct_id) + uuid +
           field("\"event\":,", data.event.size()) + field("\"properties\":", properties) +
           optional(",\"timestamp\":", data.timestamp) + optional(",\"offset\":", data.offset) +
           optional(",\"$set\":", data.set) + optional(",\"$set_once\":", data.set_once);
}

}  // namespace capture::model
