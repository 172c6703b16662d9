// Parts of a Kafka record that are not its value.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "model/output.h"

namespace capture::model {

/// A header; a value that is not there is a Kafka null, not an empty string.
struct RecordHeader {
    std::string_view name;
    std::optional<std::string_view> value;
};

/// The headers of one record, in wire order, and the storage for texts made for them. Not copyable:
/// values may point into `scratch`.
class HeaderList {
  public:
    static constexpr std::size_t kMax = 16;

    HeaderList() {}
    HeaderList(const HeaderList&) = delete;
    HeaderList& operator=(const HeaderList&) = delete;

    void add(std::string_view name, std::optional<std::string_view> value) {
        std::construct_at(&headers_[count_++], name, value);
    }
    const RecordHeader* begin() const { return headers_; }
    const RecordHeader* end() const { return headers_ + count_; }
    std::size_t size() const { return count_; }

    std::array<char, 160> scratch;

  private:
    union {
        RecordHeader headers_[kMax];  ///< one is made when it is added
    };
    std::size_t count_ = 0;
};

/// Where a record goes (contract 20 §4.2).
enum class KeyKind : std::uint8_t { Event, SessionId, Null };

struct Destination {
    Output output = Output::AnalyticsMain;
    std::string_view custom_topic{};  ///< Output::Custom only
    KeyKind key = KeyKind::Event;
    bool person_processing_off = false;  ///< header force_disable_person_processing
    bool dlq = false;                    ///< headers dlq_*
    const char* dlq_reason = nullptr;
    bool lz4 = false;  ///< the value is enveloped (contract 20 §10): header content-encoding
};

/// How a request's records ended; the first failure decides.
enum class DeliveryOutcome : std::uint8_t {
    Delivered,
    TooLargeAtSend,  ///< above message.max.bytes, refused locally
    TooLargeAtAck,   ///< refused by the broker
    Retryable,       ///< queue full, broker error, timeout, store unavailable
    Rejected,        ///< can never be produced (serialisation)
};

}  // namespace capture::model
