#include "sink/noop.h"

#include <utility>

#include "base/charged_memory.h"

namespace capture::sink {
namespace {

constexpr std::size_t kKeepBytes = 256 * 1024;
constexpr std::size_t kKeepBlocks = 64;

}  // namespace

struct NoopSink::Memory {
    base::ChargedMemory bytes;
};

class NoopSink::Group final : public RecordGroup {
  public:
    Group(NoopSink& sink, base::Budget& budget) : sink_(sink), memory_(sink.take()) {
        memory_->bytes.attach(budget);
    }
    ~Group() override {
        memory_->bytes.detach(kKeepBytes);
        sink_.give_back(std::move(memory_));
    }

    base::ByteWriter& begin(const model::Destination&, std::size_t size_hint) override {
        memory_->bytes.start(0);
        (void)memory_->bytes.room(size_hint);
        return memory_->bytes;
    }
    bool commit(std::optional<std::string_view>, std::span<const model::RecordHeader>) override {
        ++records_;
        return !memory_->bytes.refused();
    }
    void submit(DeliveryCallback done) override {
        sink_.probe_.ingested.add(static_cast<double>(records_));
        delete this;
        done(model::DeliveryOutcome::Delivered);
    }

  private:
    NoopSink& sink_;
    std::unique_ptr<Memory> memory_;
    std::size_t records_ = 0;
};

NoopSink::NoopSink(telemetry::Registry& registry, telemetry::Logger& log) : probe_(registry) {
    log.warn("capture::sinks::noop", "NOOP_SINK is on: every event is dropped");
}
NoopSink::~NoopSink() = default;

RecordGroupPtr NoopSink::open(std::size_t, base::Budget& budget) {
    return std::make_unique<Group>(*this, budget);
}

std::unique_ptr<NoopSink::Memory> NoopSink::take() {
    {
        std::lock_guard const lock(mutex_);
        if (!idle_.empty()) {
            auto memory = std::move(idle_.back());
            idle_.pop_back();
            return memory;
        }
    }
    return std::make_unique<Memory>();
}

void NoopSink::give_back(std::unique_ptr<Memory> memory) {
    std::lock_guard const lock(mutex_);
    if (idle_.size() < kKeepBlocks) idle_.push_back(std::move(memory));
}

}  // namespace capture::sink
