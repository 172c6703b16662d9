#include "sink/kafka/group.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "sink/kafka/producer.h"

namespace capture::sink::kafka {
namespace {

/// What a record costs beside its value, key and headers: its part of the group and then of the
/// flight, and librdkafka's message.
constexpr std::size_t kRecordOverhead = 64 + 320;
/// Records up to this size (message.copy.max.bytes) are copied into the request that sends them,
/// which lives until its answer.
constexpr std::size_t kCopiedAtMost = 65'535;
/// And what a header costs beside its texts: an allocation and a list entry.
constexpr std::size_t kHeaderOverhead = 64;
constexpr std::size_t kMinValue = 256;
/// A fresh reading of the clock per so many enqueued records.
constexpr std::size_t kClockStride = 32;
constexpr std::size_t kMaxReserve = 4096;

rd_kafka_headers_t* make_headers(std::span<const model::RecordHeader> headers, std::size_t& bytes) {
    rd_kafka_headers_t* const list = rd_kafka_headers_new(headers.size());
    for (auto const& h : headers) {
        // A null pointer makes a null header; an empty text needs an address.
        const char* const value = h.value ? (h.value->data() ? h.value->data() : "") : nullptr;
        std::size_t const size = h.value ? h.value->size() : 0;
        rd_kafka_header_add(list, h.name.data(), static_cast<ssize_t>(h.name.size()), value,
                            static_cast<ssize_t>(size));
        bytes += h.name.size() + size + kHeaderOverhead;
    }
    return list;
}

}  // namespace

// --- Filling
// --------------------------------------------------------------------------------------------------

Group::Group(Context& context, std::size_t records, base::Budget& budget)
    : context_(context), expected_(std::max<std::size_t>(records, 1)), memory_(budget) {
    records_.reserve(std::min(expected_, kMaxReserve));
}

Group::~Group() {
    for (std::size_t i = enqueued_; i < records_.size(); ++i)
        rd_kafka_headers_destroy(records_[i].headers);
}

base::ByteWriter& Group::begin(const model::Destination& destination, std::size_t size_hint) {
    open_ = Record{};
    open_.topic = context_.topics->find(destination, open_.topic_refused);
    std::size_t const left = expected_ > records_.size() ? expected_ - records_.size() : 1;
    // The key follows the value.
    memory_.start(std::max(size_hint, kMinValue) + kMinValue / 2, left);
    return memory_;
}

bool Group::commit(std::optional<std::string_view> key,
                   std::span<const model::RecordHeader> headers) {
    open_.value_size = memory_.size();
    if (key) {
        memory_.append(*key);
        open_.key_size = static_cast<std::ptrdiff_t>(key->size());
    }
    open_.value = memory_.finish();
    std::size_t bytes = kRecordOverhead;
    if (std::size_t const sent = open_.value_size + open_.key_bytes(); sent <= kCopiedAtMost)
        bytes += sent;
    open_.headers = make_headers(headers, bytes);
    memory_.pay(bytes);
    records_.push_back(open_);
    return !memory_.refused();
}

// --- Sending
// ---------------------------------------------------------------------------------------------------------

void Group::announce(std::size_t first, std::size_t last, bool add) {
    while (first < last) {
        Topic* const topic = records_[first].topic;
        std::ptrdiff_t records = 0;
        std::ptrdiff_t bytes = 0;
        for (; first < last && records_[first].topic == topic; ++first) {
            ++records;
            bytes += static_cast<std::ptrdiff_t>(records_[first].value_size);
        }
        if (!topic) continue;
        topic->producer.announce(add ? records : -records, add ? bytes : -bytes);
    }
}

model::DeliveryOutcome Group::refuse(const Record& record) {
    if (!record.topic_refused) {
        context_.log_failure("Record for an output without a topic", "", "");
        return model::DeliveryOutcome::Rejected;
    }
    context_.probe.produce_errors.add();
    context_.log_failure("Too many custom topics", "", "");
    return model::DeliveryOutcome::Retryable;
}

bool Group::enqueue(const Record& record, Run& run, model::DeliveryOutcome& failure) {
    int const error = record.topic->producer.enqueue(record, run);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        failure = model::DeliveryOutcome::TooLargeAtSend;
    } else {
        failure = model::DeliveryOutcome::Retryable;
        context_.probe.produce_errors.add();
    }
    context_.log_failure("Failed to enqueue record", record.topic->name,
                         rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error)));
    return false;
}

/// With another topic, and with a fresh reading of the clock.
bool Group::starts_run(std::size_t index) const {
    return index % kClockStride == 0 || records_[index].topic != records_[index - 1].topic;
}

std::size_t Group::count_runs() const {
    std::size_t runs = 0;
    for (std::size_t i = 0; i < records_.size(); ++i)
        runs += starts_run(i) ? 1 : 0;
    return runs;
}

void Group::enqueue_all(Flight& flight, SteadyTime now, model::DeliveryOutcome& failure) {
    Run* run = nullptr;
    std::size_t bytes = 0;  // of the run
    auto count = [&] {
        if (bytes) run->topic->produced_bytes.add(static_cast<double>(std::exchange(bytes, 0)));
    };
    for (; enqueued_ < records_.size(); ++enqueued_) {
        Record const& record = records_[enqueued_];
        if (!record.topic) {
            failure = refuse(record);
            break;
        }
        if (starts_run(enqueued_)) {
            count();
            if (enqueued_ > 0 && enqueued_ % kClockStride == 0) now = context_.clock.steady();
            run = &flight.add_run(*record.topic, now);
        }
        bytes += record.value_size;
        if (!enqueue(record, *run, failure)) break;
        ++run->enqueued;
    }
    count();
}

void Group::submit(DeliveryCallback done) {
    std::unique_ptr<Group> const self(this);
    memory_.seal();
    std::size_t const total = records_.size();
    Flight& flight = context_.flights.take();
    flight.start(total, count_runs(), memory_.take(), std::move(done));
    announce(0, total, true);

    auto const started = context_.clock.steady();
    auto failure = model::DeliveryOutcome::Delivered;
    enqueue_all(flight, started, failure);
    context_.probe.enqueue_seconds.observe(
        std::chrono::duration<double>(context_.clock.steady() - started).count());
    std::size_t const failed = total - enqueued_;
    if (failed > 0) {
        announce(enqueued_, total, false);
        flight.settle(failure);
    }
    if (!flight.done(failed + 1)) return;
    flight.land();
    Flight* const landed = &flight;
    context_.flights.give_back({&landed, 1});
}

}  // namespace capture::sink::kafka
