// Which topic and which producer slot every output leads to, resolved once from the configuration.
// All sinks use the same table, so the embedded store files a record under the topic that Kafka
// would get. Immutable; any thread. Contract 20 §6.1.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "model/output.h"
#include "model/record.h"

namespace capture::sink {

struct OutputRoute {
    std::string topic;  ///< empty for Custom and for outputs that are not wired
    std::string slot;
    bool wired = false;
};

class OutputTable {
  public:
    /// A per-pipeline DLQ without a topic of its own takes topic and slot of the common DLQ. Custom
    /// is always wired: a restriction names its topic.
    explicit OutputTable(const config::OutputsSettings& settings);

    /// Whether a record can leave by this output. A lane that cannot is redirected to the DLQ
    /// (`unbacked_lane`).
    bool wired(model::Output output) const { return at(output).wired; }
    const OutputRoute& at(model::Output output) const {
        return routes_[static_cast<std::size_t>(output)];
    }
    /// The topic of a destination; empty when it leads nowhere.
    std::string_view topic(const model::Destination& destination) const;
    /// Slots that some wired output uses, each once.
    std::vector<std::string> slots() const;

  private:
    std::array<OutputRoute, model::kOutputCount> routes_;
};

}  // namespace capture::sink
