#include "sink/outputs.h"

#include <algorithm>

namespace capture::sink {
namespace {

bool is_pipeline_dlq(model::Output output) {
    return output >= model::Output::AnalyticsDlq && output <= model::Output::SessionReplayDlq;
}

}  // namespace

OutputTable::OutputTable(const config::OutputsSettings& settings) {
    for (std::size_t i = 0; i < model::kOutputCount; ++i) {
        auto const output = static_cast<model::Output>(i);
        auto const found = settings.by_name.find(model::name(output));
        OutputRoute& route = routes_[i];
        if (found != settings.by_name.end()) {
            route.slot = found->second.producer;
            if (output != model::Output::Custom) route.topic = found->second.topic;
        } else if (output == model::Output::Custom) {
            route.slot = config::OutputSettings{}.producer;
        }
        route.wired = output == model::Output::Custom || !route.topic.empty();
        if (!route.wired && is_pipeline_dlq(output)) route = at(model::Output::Dlq);
    }
}

std::string_view OutputTable::topic(const model::Destination& destination) const {
    if (destination.output == model::Output::Custom) return destination.custom_topic;
    return at(destination.output).topic;
}

std::vector<std::string> OutputTable::slots() const {
    std::vector<std::string> used;
    for (auto const& route : routes_) {
        if (route.wired && std::ranges::find(used, route.slot) == used.end())
            used.push_back(route.slot);
    }
    return used;
}

}  // namespace capture::sink
