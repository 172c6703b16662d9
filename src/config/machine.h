// What the process may use of the machine it runs on: the defaults of CAPTURE_WORKERS and
// CAPTURE_MEMORY_BUDGET_MIB follow the container's limits (cgroup 2, else 1), not the host's size.
#pragma once

#include <cstdint>
#include <string>

namespace capture::config {

struct Machine {
    std::uint64_t cores = 1;
    std::uint64_t memory_mib = 1024;

    /// Half of the memory: the other half is for the Kafka client's queue, the code and the kernel.
    std::uint64_t default_budget_mib() const { return memory_mib / 2 < 64 ? 64 : memory_mib / 2; }
};

/// `root` is the file system's root, `cores` and `memory_mib` what the kernel reports; both are
/// lowered to the limits found under `root`/sys/fs/cgroup. Unreadable or unlimited files change
/// nothing.
Machine within_limits(const std::string& root, Machine host);

/// This machine, now.
Machine this_machine();

}  // namespace capture::config
