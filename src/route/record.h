// The bytes of one Kafka record: value, headers, key. The value is written once, straight into the
// memory that the sink handed out; `data` is escaped while it is written. Contract 20 §1-3, §5.
#pragma once

#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>

#include "base/byte_writer.h"
#include "base/time.h"
#include "model/event.h"
#include "model/record.h"

namespace capture::route {

/// Texts that every record of a request carries, formatted once per request.
class RequestTexts {
  public:
    explicit RequestTexts(const model::RequestFacts& facts,
                          base::Fraction now_fraction = base::Fraction::Groups);
    RequestTexts(const RequestTexts&) = delete;
    RequestTexts& operator=(const RequestTexts&) = delete;

    const model::RequestFacts& facts() const { return facts_; }
    std::string_view now() const { return now_; }
    std::string_view sent_at() const { return sent_at_; }  ///< empty = unknown

  private:
    const model::RequestFacts& facts_;
    char now_text_[base::kMaxInstantText];
    char sent_at_text_[base::kMaxInstantText];
    std::string_view now_;
    std::string_view sent_at_;
};

/// Bytes that the value will take, roughly; what to ask of the sink.
std::size_t value_size_hint(const model::Event& event);

/// The value (contract 20 §1).
void write_value(base::ByteWriter& out, const model::Event& event, const RequestTexts& texts);

/// The headers in wire order (contract 20 §3). `dlq_time` stamps dead-lettered records. Values
/// point into the event, the texts and `headers` itself.
void fill_headers(model::HeaderList& headers, const model::Event& event,
                  const model::Destination& destination, const RequestTexts& texts,
                  base::Instant dlq_time);

/// The partition key (contract 20 §5): nothing for a null key. The view lives until `scratch`
/// changes.
std::optional<std::string_view> record_key(const model::Event& event, model::KeyKind kind,
                                           std::string_view token, std::pmr::string& scratch);

/// `token:distinct_id`, or `token:ip` for cookieless events: also the key of the overflow limiter.
std::string_view event_key(const model::Event& event, std::string_view token,
                           std::pmr::string& scratch);

}  // namespace capture::route
