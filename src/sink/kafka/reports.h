// What delivery reports do. Inside sink/kafka only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sink/kafka/flight.h"

namespace capture::sink::kafka {

/// Applies the delivery reports of one event of one poll thread. Positive ones on a run come in a
/// row and are applied together; all are applied when this goes.
class ReportBatch {
  public:
    ReportBatch(Context& context, SteadyTime now) : context_(context), now_(now) {}
    ~ReportBatch();
    ReportBatch(const ReportBatch&) = delete;
    ReportBatch& operator=(const ReportBatch&) = delete;

    /// Fetches into the cache what the report on a record of the run will touch. Some reports ahead
    /// it comes in time.
    static void expect(const Run& run);
    /// `error` is an rd_kafka_resp_err_t.
    void add(Run& run, int error);

  private:
    void apply_delivered();
    void apply_failed(Run& run, int error);
    void observe(Run& run, Ack ack, std::uint32_t records) const;
    void finish(Flight& flight, std::uint32_t records);
    void count_results();
    void land();

    Context& context_;
    const SteadyTime now_;
    Run* run_ = nullptr;            ///< of the latest positive report
    std::uint32_t delivered_ = 0;   ///< of its records, not applied yet
    std::size_t ingested_ = 0;      ///< not counted yet
    std::size_t errors_ = 0;        ///< not counted yet
    std::array<Flight*, 64> done_;  ///< not landed yet
    std::size_t done_count_ = 0;
};

}  // namespace capture::sink::kafka
