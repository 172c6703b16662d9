// What the legacy surfaces (analytics, replay) have in common: the way of a request from its bytes
// to its answer, with the surface's own checks in their places. Contract 10 §9, 40 §2.
//
// A surface has a Reader and a Processor (one of each per worker; large requests bring their own),
// a Waiting, which is a Pending with its warnings, and a Work, which is an Arrival or more. It is
// called in this order, and the first answer ends the way:
//
//   Result<void> read(work, reader) const         text → batch; any thread
//   Result<string_view> token_of(batch)           which some project must own
//   optional<Response> accept(work, waiting)      after all of that, however it went: work.done
//   Result<void> build(work, processor) const     batch → events; any thread
//   optional<Response> limit(work, waiting)       however that went: which events are written
//
// One coroutine, which suspends only where there is something to wait for: bytes that are not here
// yet, the pool for a large request, Redis for an unknown token, and at last the sink. Everything
// between is plain functions, so that a small request costs no other frame.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "decode/gate.h"
#include "pipeline/arrival.h"
#include "pipeline/publisher.h"
#include "pipeline/refusals.h"

namespace capture::pipeline {

/// Where surfaces differ.
struct IntakeRules {
    std::size_t wire_cap;          ///< of the body as received
    std::size_t decompressed_cap;  ///< of its text
    std::string_view log_target;   ///< static text
};

/// One per surface and worker.
class Intake {
  public:
    Intake(const Context& context, const decode::Probe& probe, const IntakeRules& rules)
        : context_(context),
          rules_(rules),
          gate_(rules.decompressed_cap, probe, context.log),
          publisher_(context),
          refusals_(context, rules.log_target) {}

    /// A surface's serve().
    template <typename Surface>
    base::Task<http::Response> serve(Surface& surface, http::Request& request) const {
        typename Surface::Waiting waiting(context_, request);
        auto work = surface.arrivals_.make(request);

        if (!receive_now(*work)) co_await receive(*work);
        if (work->done) {
            if (work->large_wire())
                co_await read_on_pool(surface, *work);
            else
                work->done = read(surface, *work, surface.reader_);
        }
        // A batch that reading left empty needs no token.
        if (work->done && !work->batch.events.empty() &&
            !check_token_now(*work, Surface::token_of(work->batch)))
            co_await check_token(*work);

        work->answer = surface.accept(*work, waiting);
        if (!work->answer) {
            if (work->large())
                co_await build_on_pool(surface, *work);
            else
                work->done = surface.build(*work, surface.processor_);
            work->answer = surface.limit(*work, waiting);
        }
        if (!work->answer) {
            if (work->large())
                co_await write_on_pool(*work, waiting);
            else
                work->done = write(*work, waiting);
            if (!work->done) work->answer = unwritten(*work, *waiting.entry);
        }
        if (work->answer) co_return std::move(*work->answer);
        work.reset();

        auto const published = publisher_.judge(co_await waiting.deliver());
        waiting.warnings.published(published);
        if (!published) co_return undelivered(waiting, published.error());
        waiting.entry->deliver_rest();
        co_return success(waiting.beacon);
    }

    /// Counts the events as received and fixes what all records of the request share.
    void accept(Arrival& arrival) const;
    /// When the client sent the request: what the body says, else the query.
    static void set_sent_at(Arrival& arrival, const std::optional<model::SentAt>& body);
    /// Takes out what is over a quota. False when nothing is left.
    bool apply_quotas(Arrival& arrival, Ledger::Entry& entry) const;
    /// The limits as they stand.
    limits::RequestLimits& limits(Arrival& arrival) const;
    static http::Response success(bool beacon);
    /// The events had been accepted, and the request fails before anything is written: all of the
    /// batch is dropped.
    http::Response reject(const Arrival& arrival, Ledger::Entry& entry,
                          const model::Error& error) const;
    http::Response refuse(const Arrival& arrival, const model::Error& error, Stage stage) const;

  private:
    /// Query and body. False when the body has to be waited for.
    bool receive_now(Arrival& arrival) const;
    base::Task<void> receive(Arrival& arrival) const;
    model::Result<void> open(Arrival& arrival) const;
    /// False when only Redis knows.
    bool check_token_now(Arrival& arrival, model::Result<std::string_view> token) const;
    base::Task<void> check_token(Arrival& arrival) const;

    template <typename Surface, typename Work, typename Reader>
    model::Result<void> read(const Surface& surface, Work& work, Reader& reader) const {
        auto opened = open(work);
        return opened ? surface.read(work, reader) : opened;
    }
    template <typename Surface, typename Work>
    base::Task<void> read_on_pool(const Surface& surface, Work& work) const {
        work.done = co_await context_.pool.run([this, &surface, &work] {
            typename Surface::Reader reader;
            return read(surface, work, reader);
        });
    }
    template <typename Surface, typename Work>
    base::Task<void> build_on_pool(const Surface& surface, Work& work) const {
        work.limits.reset();
        work.done = co_await context_.pool.run([&surface, &work] {
            auto processor = surface.processor();
            return surface.build(work, processor);
        });
    }

    /// Writes `arrival.events` into records.
    model::Result<void> write(Arrival& arrival, Pending& pending) const;
    base::Task<void> write_on_pool(Arrival& arrival, Pending& pending) const;
    /// They could not be written.
    http::Response unwritten(const Arrival& arrival, Ledger::Entry& entry) const;
    /// They could not be produced.
    http::Response undelivered(Pending& pending, const model::Error& error) const;

    const Context& context_;
    const IntakeRules rules_;
    decode::Gate gate_;
    Publisher publisher_;
    Refusals refusals_;
};

}  // namespace capture::pipeline
