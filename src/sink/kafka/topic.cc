#include "sink/kafka/topic.h"

#include <algorithm>
#include <mutex>

#include "sink/kafka/producer.h"

namespace capture::sink::kafka {

Topic::Topic(Producer& owner, std::string_view topic_name, const KafkaProbe& probe)
    : producer(owner),
      name(topic_name),
      handle(owner.topic_handle(name)),
      produced_bytes(probe.several_slots ? probe.produce_bytes.with({name, owner.slot()})
                                         : probe.produce_bytes.with({name})) {
    for (std::size_t i = 0; i < kAckNames.size(); ++i) {
        ack_millis[i] = probe.several_slots
                            ? probe.ack_millis.with({kAckNames[i], name, owner.slot()})
                            : probe.ack_millis.with({kAckNames[i], name});
    }
}

TopicTable::TopicTable(const OutputTable& outputs,
                       const std::unordered_map<std::string, Producer*>& producers,
                       const KafkaProbe& probe, std::size_t max_custom)
    : probe_(probe), max_custom_(max_custom) {
    for (std::size_t i = 0; i < model::kOutputCount; ++i) {
        auto const output = static_cast<model::Output>(i);
        OutputRoute const& route = outputs.at(output);
        auto const producer = producers.find(route.slot);
        if (!route.wired || producer == producers.end()) continue;
        if (output == model::Output::Custom) {
            custom_producer_ = producer->second;
            continue;
        }
        auto const same = std::ranges::find_if(topics_, [&](const auto& t) {
            return t->name == route.topic && &t->producer == producer->second;
        });
        if (same == topics_.end()) {
            by_output_[i] =
                topics_.emplace_back(std::make_unique<Topic>(*producer->second, route.topic, probe))
                    .get();
        } else {
            by_output_[i] = same->get();
        }
    }
}

TopicTable::~TopicTable() = default;

Topic* TopicTable::find(const model::Destination& destination, bool& full) {
    if (destination.output == model::Output::Custom) return custom(destination.custom_topic, full);
    return by_output_[static_cast<std::size_t>(destination.output)];
}

Topic* TopicTable::custom(std::string_view name, bool& full) {
    if (name.empty() || !custom_producer_) return nullptr;
    {
        std::shared_lock const lock(mutex_);
        if (auto found = custom_.find(name); found != custom_.end()) return found->second.get();
    }
    std::unique_lock const lock(mutex_);
    if (auto found = custom_.find(name); found != custom_.end()) return found->second.get();
    if (custom_.size() >= max_custom_) {
        full = true;
        return nullptr;
    }
    auto topic = std::make_unique<Topic>(*custom_producer_, name, probe_);
    return custom_.emplace(std::string(name), std::move(topic)).first->second.get();
}

}  // namespace capture::sink::kafka
