// What the legacy surfaces (analytics, replay) have in common: from the bytes of a request to
// events of an authorised token within its quota, and from events to an answer. A surface calls
// these steps in its order of checks and adds its own. Contract 10 §9, 40 §2.
//
// A request is an Arrival until its records are written. That may be megabytes, and is given back
// before the records are sent; what its answer needs is Pending until they are durable.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/inbox.h"
#include "decode/gate.h"
#include "decode/query.h"
#include "http/message.h"
#include "pipeline/context.h"
#include "pipeline/publisher.h"

namespace capture::pipeline {

/// Where surfaces differ.
struct IntakeRules {
    std::size_t wire_cap;          ///< of the body as received
    std::size_t decompressed_cap;  ///< of its text
    std::string_view log_target;   ///< static text
};

/// One request on its way, and everything its events are views into.
struct Arrival {
    explicit Arrival(http::Request& r) : request(r) {}

    /// Too much to be worked on by the worker's thread.
    bool large() const { return body.text.size() >= kLargeText; }

    /// From these sizes on a request leaves the worker's thread for the pool, so that it stalls
    /// nobody. The wire size is what is known before inflating: a bomb below it inflates in the
    /// time of a few ordinary requests.
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
    std::vector<model::Event> events;
};

/// A request whose records are on their way, and all that its answer needs. Thousands of them wait
/// at a time: small, so that they stay in a core's cache.
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

/// One per surface and worker.
class Intake {
  public:
    Intake(const Context& context, const decode::Probe& probe, const IntakeRules& rules)
        : context_(context),
          rules_(rules),
          gate_(rules.decompressed_cap, probe, context.log),
          publisher_(context) {}

    /// A surface's serve(). `prepare(waiting)` goes from the request to written records, or to the
    /// answer if there are none; nothing of it is left while the records are on their way.
    /// `Waiting` is a Pending with the surface's warnings.
    template <typename Waiting, typename Prepare>
    base::Task<http::Response> serve(http::Request& request, Prepare prepare) const {
        Waiting waiting(context_, request);
        if (auto answer = co_await prepare(waiting)) co_return std::move(*answer);
        auto const published = publisher_.judge(co_await waiting.deliver());
        waiting.warnings.published(published);
        if (!published) co_return undelivered(waiting, published.error());
        waiting.entry->deliver_rest();
        co_return success(waiting.beacon);
    }

    /// Query, body, decoding, `read(arrival, reader)`: text → batch, and `find_token(batch)`, which
    /// some project must own. Large bodies are decoded and read on the pool, with a reader of their
    /// own instead of the worker's. A batch that reading left empty needs no token.
    template <typename Reader, typename Read, typename FindToken>
    base::Task<model::Result<void>> receive(Arrival& arrival, Reader& workers, Read read,
                                            FindToken find_token) const {
        auto received = read_query(arrival);
        if (!received) co_return received;
        auto wire = arrival.request.body_at_hand(rules_.wire_cap);
        if (!wire) wire = co_await arrival.request.read_body(rules_.wire_cap);
        if (!*wire) co_return std::unexpected(std::move(wire->error()));
        arrival.wire = std::move(**wire);

        auto const open_and_read = [this, &arrival, &read](Reader& reader) {
            auto opened = open(arrival);
            return opened ? read(arrival, reader) : opened;
        };
        if (arrival.wire.size() < Arrival::kLargeWire &&
            arrival.query.data.size() < Arrival::kLargeWire) {
            received = open_and_read(workers);
        } else {
            received = co_await context_.pool.run([&open_and_read] {
                Reader own;
                return open_and_read(own);
            });
        }
        if (!received || arrival.batch.events.empty()) co_return received;

        auto known = take_token(arrival, find_token(arrival.batch));
        if (!known) co_return std::unexpected(std::move(known.error()));
        if (*known == Known::AskRedis)
            received = verdict(co_await context_.limits.token_refused(arrival.token));
        co_return received;
    }
    /// Counts the events as received and fixes what all records of the request share.
    void accept(Arrival& arrival) const;
    /// When the client sent the request: what the body says, else the query.
    static void set_sent_at(Arrival& arrival, const std::optional<model::SentAt>& body);
    /// Takes out what is over a quota. False when nothing is left.
    bool apply_quotas(Arrival& arrival, Ledger::Entry& entry) const;
    /// Writes `arrival.events` into records. Large requests are written on the pool, see large().
    model::Result<void> write(Arrival& arrival, Pending& pending) const;
    base::Task<model::Result<void>> write_on_pool(Arrival& arrival, Pending& pending) const;
    static http::Response success(bool beacon);
    /// The events had been accepted, and the request fails before anything is produced: all of the
    /// batch is dropped.
    http::Response reject(const Arrival& arrival, Ledger::Entry& entry,
                          const model::Error& error) const;
    /// The records could not be written.
    http::Response unwritten(const Arrival& arrival, Ledger::Entry& entry,
                             const model::Error& error) const;
    http::Response refuse(const Arrival& arrival, const model::Error& error, Stage stage) const;

  private:
    enum class Known : bool { Yes, AskRedis };

    /// They could not be produced.
    http::Response undelivered(Pending& pending, const model::Error& error) const;

    static model::Result<void> read_query(Arrival& arrival);
    model::Result<void> open(Arrival& arrival) const;
    model::Result<Known> take_token(Arrival& arrival, model::Result<std::string_view> token) const;
    static model::Result<void> verdict(bool refused);
    /// What is said of a refused request.
    struct Refused {
        const http::Request& request;
        model::Compression compression;
        std::size_t batch_size;
        std::string_view token;
    };
    http::Response refuse(const Refused& refused, const model::Error& error, Stage stage) const;
    telemetry::Level refusal_level(const http::Request& request) const;
    void log_refusal(const Refused& refused, const model::Error& error) const;

    const Context& context_;
    const IntakeRules rules_;
    decode::Gate gate_;
    Publisher publisher_;
};

}  // namespace capture::pipeline
