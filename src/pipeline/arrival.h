// A request's two lives. Until its records are written it is an Arrival, with everything its events
// are views into: kilobytes, or megabytes, given back before the records are sent. From then on it
// is Pending until they are durable: no more than its answer needs, because thousands wait at a
// time and are to stay in a core's cache. Both live on the request's worker; while the pool works
// on an Arrival, the worker does not.
#pragma once

#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/inbox.h"
#include "decode/query.h"
#include "http/message.h"
#include "limits/limits.h"
#include "model/body.h"
#include "model/error.h"
#include "model/event.h"
#include "model/record.h"
#include "pipeline/context.h"
#include "pipeline/ledger.h"
#include "sink/sink.h"

namespace capture::pipeline {

struct Arrival {
    explicit Arrival(http::Request& r) : request(r) {}

    /// Too much to be worked on by the worker's thread, which it would keep from all others: such a
    /// request goes to the pool. Before its text is there the wire size decides; a bomb below it
    /// inflates in the time of a few ordinary requests.
    bool large_wire() const { return wire.size() >= kLargeWire || query.data.size() >= kLargeWire; }
    bool large() const { return body.text.size() >= kLargeText; }

    static constexpr std::size_t kLargeWire = 32 * 1024;
    static constexpr std::size_t kLargeText = 256 * 1024;

    http::Request& request;
    decode::Query query;
    base::Buffer wire;
    model::DecodedBody body;
    base::Arena arena;
    model::EventBatch batch;
    std::string_view token;
    model::RequestFacts facts;
    std::optional<limits::RequestLimits> limits;  ///< as they are now: none after a wait
    std::vector<model::Event> events;
    model::Result<void> done;              ///< how the last step went
    std::optional<http::Response> answer;  ///< once there is one: the way ends
};

/// Makes a surface's arrivals on its worker, mostly in the memory of the one before, which is still
/// in the cache. Outlives what it made.
template <typename Work>
class Arrivals {
  public:
    Arrivals() = default;
    ~Arrivals() { ::operator delete(spare_); }
    Arrivals(const Arrivals&) = delete;
    Arrivals& operator=(const Arrivals&) = delete;

    struct GiveBack {
        Arrivals* owner;
        void operator()(Work* work) const {
            std::destroy_at(work);
            ::operator delete(std::exchange(owner->spare_, work));
        }
    };
    std::unique_ptr<Work, GiveBack> make(http::Request& request) {
        void* memory = std::exchange(spare_, nullptr);
        if (!memory) memory = ::operator new(sizeof(Work));
        return {::new (memory) Work(request), GiveBack{this}};
    }

  private:
    void* spare_ = nullptr;
};

struct Pending {
    Pending(const Context& context, http::Request& r) : request(r), delivery(context.inbox, &r) {}

    /// Sends the records and waits until they are durable: await what it returns.
    auto deliver() {
        return delivery.wait([this] {
            sink::submit(std::move(records),
                         [this](model::DeliveryOutcome outcome) { delivery.set(outcome); });
        });
    }

    http::Request& request;
    std::optional<Ledger::Entry> entry;  ///< once the events are accepted
    sink::RecordGroupPtr records;        ///< once they are written; the sink's after that
    base::Inbox::Waiter<model::DeliveryOutcome> delivery;
    model::Compression compression = model::Compression::None;
    bool beacon = false;
    std::string token;  ///< only where a line of the log would say it
};

}  // namespace capture::pipeline
