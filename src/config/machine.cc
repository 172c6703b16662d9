#include "config/machine.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <sstream>

namespace capture::config {
namespace {

/// The first `count` numbers of a file; nothing when there are fewer (cgroup 2 writes `max` for no
/// limit).
template <std::size_t N>
std::optional<std::array<std::int64_t, N>> numbers(const std::string& path) {
    std::ifstream file(path);
    std::array<std::int64_t, N> out{};
    for (auto& number : out) {
        if (!(file >> number)) return std::nullopt;
    }
    return out;
}

/// This process's cgroup path in the unified hierarchy; empty for the root.
std::string own_group(const std::string& root) {
    std::ifstream file(root + "/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("0::/")) return line.size() > 4 ? line.substr(3) : "";
    }
    return "";
}

void lower_memory(Machine& machine, std::int64_t bytes) {
    if (bytes <= 0) return;
    auto const mib = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(bytes) >> 20);
    machine.memory_mib = std::min(machine.memory_mib, mib);
}

void lower_cores(Machine& machine, std::int64_t quota, std::int64_t period) {
    if (quota <= 0 || period <= 0) return;
    auto const cores = static_cast<std::uint64_t>((quota - 1) / period + 1);
    machine.cores = std::min(machine.cores, cores);
}

}  // namespace

Machine within_limits(const std::string& root, Machine host) {
    std::string const base = root + "/sys/fs/cgroup";
    // A limit may stand at any level above the process; inside a container its own group is mounted
    // as the root.
    for (std::string group = own_group(root);; group.erase(group.rfind('/'))) {
        if (auto const limit = numbers<1>(base + group + "/memory.max"))
            lower_memory(host, (*limit)[0]);
        if (auto const cpu = numbers<2>(base + group + "/cpu.max"))
            lower_cores(host, (*cpu)[0], (*cpu)[1]);
        if (group.rfind('/') == std::string::npos) break;
    }
    if (auto const limit = numbers<1>(base + "/memory/memory.limit_in_bytes"))
        lower_memory(host, (*limit)[0]);
    auto const quota = numbers<1>(base + "/cpu/cpu.cfs_quota_us");
    auto const period = numbers<1>(base + "/cpu/cpu.cfs_period_us");
    if (quota && period) lower_cores(host, (*quota)[0], (*period)[0]);
    return host;
}

Machine this_machine() {
    Machine host;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        host.cores = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(CPU_COUNT(&set)));
    }
    auto const pages = sysconf(_SC_PHYS_PAGES);
    auto const page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0)
        host.memory_mib =
            static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page) >> 20;
    return within_limits("", host);
}

}  // namespace capture::config
