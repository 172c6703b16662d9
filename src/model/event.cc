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

}  // namespace capture::model
