#include "sink/kafka/group.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "sink/kafka/producer.h"

namespace capture::sink::kafka {
namespace {

/// What a record costs beside its value, key and headers: the group's entry and librdkafka's
/// message.
constexpr std::size_t kRecordOverhead = sizeof(Record) + 320;
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

// --- GroupList
// -------------------------------------------------------------------------------------------------------

GroupList::Shard& GroupList::shard_of(const Group& group) {
    return shards_[(reinterpret_cast<std::uintptr_t>(&group) >> 8) % shards_.size()];
}

void GroupList::link(Group& group) {
    Shard& shard = shard_of(group);
    std::lock_guard const lock(shard.mutex);
    group.next_ = shard.first;
    if (shard.first) shard.first->previous_ = &group;
    shard.first = &group;
}

void GroupList::unlink(Group& group) {
    Shard& shard = shard_of(group);
    std::lock_guard const lock(shard.mutex);
    (group.previous_ ? group.previous_->next_ : shard.first) = group.next_;
    if (group.next_) group.next_->previous_ = group.previous_;
}

std::vector<Group*> GroupList::take_all() {
    std::vector<Group*> out;
    for (auto& shard : shards_) {
        std::lock_guard const lock(shard.mutex);
        for (Group* g = shard.first; g; g = g->next_)
            out.push_back(g);
    }
    return out;
}

// --- Context
// ---------------------------------------------------------------------------------------------------------

void Context::log_failure(const char* what, std::string_view topic, std::string_view error) {
    auto const pass = brake_.pass(clock.steady());
    if (!pass) return;
    log.error("capture::sinks::kafka", what,
              {{"topic", topic}, {"error", error}, {"suppressed", pass->suppressed}});
}

// --- Group: filling
// --------------------------------------------------------------------------------------------------

Group::Group(Context& context, std::size_t records, base::Budget& budget)
    : context_(context), expected_(std::max<std::size_t>(records, 1)), memory_(budget) {
    records_.reserve(std::min(expected_, kMaxReserve));
}

Group::~Group() {
    for (auto& r : records_)
        release(r);
}

void Group::release(Record& record) {
    if (record.headers) rd_kafka_headers_destroy(std::exchange(record.headers, nullptr));
}

base::ByteWriter& Group::begin(const model::Destination& destination, std::size_t size_hint) {
    open_ = Record{};
    open_.group = this;
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

// --- Group: sending
// --------------------------------------------------------------------------------------------------

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

bool Group::enqueue(Record& record, model::DeliveryOutcome& failure) {
    if (!record.topic) {
        failure = record.topic_refused ? model::DeliveryOutcome::Retryable
                                       : model::DeliveryOutcome::Rejected;
        if (record.topic_refused) context_.probe.produce_errors.add();
        context_.log_failure(record.topic_refused ? "Too many custom topics"
                                                  : "Record for an output without a topic",
                             "", "");
        return false;
    }
    record.in_flight = true;
    int const error = record.topic->producer.enqueue(record);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    record.in_flight = false;
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

std::size_t Group::enqueue_all(SteadyTime now, model::DeliveryOutcome& failure) {
    Topic* topic = nullptr;
    std::size_t bytes = 0;  // not counted yet, of `topic`
    auto count = [&] {
        if (topic && bytes) topic->produced_bytes.add(static_cast<double>(std::exchange(bytes, 0)));
    };
    std::size_t i = 0;
    for (; i < records_.size(); ++i) {
        Record& record = records_[i];
        if (record.topic != topic) count();
        topic = record.topic;
        bytes += record.value_size;
        if (i > 0 && i % kClockStride == 0) now = context_.clock.steady();
        record.enqueued_at = now;
        if (!enqueue(record, failure)) break;
    }
    count();
    return i;
}

void Group::submit(DeliveryCallback done) {
    memory_.seal();
    done_ = std::move(done);
    std::size_t const total = records_.size();
    remaining_.store(total + 1, std::memory_order_relaxed);
    context_.groups.link(*this);
    announce(0, total, true);

    auto const started = context_.clock.steady();
    auto failure = model::DeliveryOutcome::Delivered;
    std::size_t const failed = enqueue_all(started, failure);
    context_.probe.enqueue_seconds.observe(
        std::chrono::duration<double>(context_.clock.steady() - started).count());
    if (failed < total) {
        announce(failed, total, false);
        for (std::size_t i = failed; i < total; ++i)
            release(records_[i]);
        settle(failure);
    }
    finish(total - failed + 1);
}

// --- Group: reports
// --------------------------------------------------------------------------------------------------

void Group::settle(model::DeliveryOutcome outcome) {
    if (settled_.exchange(true, std::memory_order_acq_rel)) return;
    auto const done = std::move(done_);
    done(outcome);
}

void Group::finish(std::size_t count) {
    if (remaining_.fetch_sub(count, std::memory_order_acq_rel) != count) return;
    memory_.clear();  // whoever is called back sees it settled
    settle(model::DeliveryOutcome::Delivered);
    context_.groups.unlink(*this);
    delete this;
}

void Group::cancel() {
    for (auto& r : records_) {
        if (!r.in_flight) continue;
        r.headers = nullptr;  // the client's, which may still be at work on the record
        Ack const ack = settled_.load(std::memory_order_relaxed) ? Ack::Dropped : Ack::Cancelled;
        auto const waited =
            std::chrono::duration<double, std::milli>(context_.clock.steady() - r.enqueued_at);
        r.topic->ack_millis[static_cast<std::size_t>(ack)].observe(waited.count());
        context_.probe.produce_errors.add();
    }
    memory_.take().abandon();
    settle(model::DeliveryOutcome::Retryable);
    delete this;
}

void ReportBatch::add(Record& record, int error) {
    Group& group = *record.group;
    Ack ack = Ack::Ok;
    auto outcome = model::DeliveryOutcome::Delivered;
    switch (error) {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            ++ingested_;
            break;
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
            ack = Ack::TooLarge;
            outcome = model::DeliveryOutcome::TooLargeAtAck;
            break;
        case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
        case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
        case RD_KAFKA_RESP_ERR__DESTROY:
            ack = Ack::Cancelled;
            outcome = model::DeliveryOutcome::Retryable;
            ++errors_;
            break;
        default:
            ack = Ack::BrokerError;
            outcome = model::DeliveryOutcome::Retryable;
            ++errors_;
    }
    bool const failed = outcome != model::DeliveryOutcome::Delivered;
    if (failed) {
        context_.log_failure("Failed to produce record", record.topic->name,
                             rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error)));
    }
    if (group.settled_.load(std::memory_order_relaxed)) ack = Ack::Dropped;
    std::chrono::duration<double, std::milli> const waited = now_ - record.enqueued_at;
    record.topic->ack_millis[static_cast<std::size_t>(ack)].observe(waited.count());

    record.headers = nullptr;  // freed by librdkafka
    record.in_flight = false;
    bool const last = group.remaining_.load(std::memory_order_relaxed) == 1;
    if (failed || last) flush();  // whoever is called back sees counters settled
    if (failed) group.settle(outcome);
    group.finish(1);
}

void ReportBatch::flush() {
    if (ingested_) context_.probe.ingested.add(static_cast<double>(std::exchange(ingested_, 0)));
    if (errors_) context_.probe.produce_errors.add(static_cast<double>(std::exchange(errors_, 0)));
}

}  // namespace capture::sink::kafka
