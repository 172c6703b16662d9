#include "sink/print.h"

#include <string>
#include <utility>

#include "base/charged_memory.h"

namespace capture::sink {

class PrintSink::Group final : public RecordGroup {
  public:
    Group(PrintSink& sink, base::Budget& budget) : sink_(sink) { memory_.attach(budget); }

    base::ByteWriter& begin(const model::Destination& destination, std::size_t size_hint) override {
        memory_.start(0);
        (void)memory_.room(size_hint);
        destination_ = destination;
        return memory_;
    }
    bool commit(std::optional<std::string_view> key,
                std::span<const model::RecordHeader> headers) override {
        std::string line(memory_.view());
        std::string shown;
        for (auto const& h : headers) {
            if (!h.value) continue;
            shown.append(shown.empty() ? "" : " ").append(h.name).append("=").append(*h.value);
        }
        bool const affordable = memory_.add_charge(memory_.size() + shown.size());
        lines_.push_back({std::string(sink_.outputs_.topic(destination_)),
                          key ? std::string(*key) : std::string("null"), std::move(shown),
                          std::move(line)});
        return affordable;
    }
    void submit(DeliveryCallback done) override {
        for (auto const& l : lines_) {
            sink_.log_.info(
                "capture::sinks::print", "record",
                {{"topic", l.topic}, {"key", l.key}, {"headers", l.headers}, {"value", l.value}});
        }
        sink_.probe_.ingested.add(static_cast<double>(lines_.size()));
        delete this;
        done(model::DeliveryOutcome::Delivered);
    }

  private:
    struct Line {
        std::string topic, key, headers, value;
    };
    PrintSink& sink_;
    base::ChargedMemory memory_;
    model::Destination destination_;
    std::vector<Line> lines_;
};

RecordGroupPtr PrintSink::open(std::size_t, base::Budget& budget) {
    return std::make_unique<Group>(*this, budget);
}

}  // namespace capture::sink
