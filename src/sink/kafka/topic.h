// Topics as their producers know them, resolved once: handle and metric series. Inside sink/kafka
// only.
#pragma once

#include <array>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/record.h"
#include "sink/outputs.h"
#include "sink/probe.h"

struct rd_kafka_topic_s;

namespace capture::sink::kafka {

class Producer;

/// How a record's wait ended: label `outcome` of capture_kafka_produce_ack_duration_ms.
enum class Ack : std::uint8_t { Ok, TooLarge, BrokerError, Cancelled, Dropped, kCount };
inline constexpr std::array<const char*, static_cast<std::size_t>(Ack::kCount)> kAckNames{
    "ok", "too_large", "broker_err", "cancelled", "dropped"};

struct Topic {
    Topic(Producer& owner, std::string_view topic_name, const KafkaProbe& probe);

    Producer& producer;
    const std::string name;
    rd_kafka_topic_s* const handle;  ///< owned by the producer
    const telemetry::Counter produced_bytes;
    std::array<telemetry::Histogram, kAckNames.size()> ack_millis;
};

/// Destination → topic. The outputs' topics are resolved at construction; topics that restrictions
/// name are resolved when first seen and kept, up to a cap, because every one costs a handle and
/// metric series. Any thread.
class TopicTable {
  public:
    /// `producers` by slot; each outlives the table.
    TopicTable(const OutputTable& outputs,
               const std::unordered_map<std::string, Producer*>& producers, const KafkaProbe& probe,
               std::size_t max_custom);
    ~TopicTable();

    /// Null when the output is not wired; `full` tells that it was refused for the cap.
    Topic* find(const model::Destination& destination, bool& full);

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view s) const {
            return std::hash<std::string_view>{}(s);
        }
    };
    Topic* custom(std::string_view name, bool& full);

    const KafkaProbe& probe_;
    const std::size_t max_custom_;
    std::vector<std::unique_ptr<Topic>> topics_;
    std::array<Topic*, model::kOutputCount> by_output_{};
    Producer* custom_producer_ = nullptr;
    std::shared_mutex mutex_;  ///< guards custom_
    std::unordered_map<std::string, std::unique_ptr<Topic>, Hash, std::equal_to<>> custom_;
};

}  // namespace capture::sink::kafka
