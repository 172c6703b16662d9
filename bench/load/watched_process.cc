#include "load/watched_process.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace capture::bench {

WatchedProcess::WatchedProcess(pid_t pid) : pid_(pid) {
    if (pid_ != 0 && clock_getcpuclockid(pid_, &clock_) != 0)
        throw std::runtime_error("no process " + std::to_string(pid_));
}

double WatchedProcess::cpu_seconds() const {
    timespec spent{};
    if (pid_ == 0) return 0;
    if (clock_gettime(clock_, &spent) != 0)
        throw std::runtime_error("process " + std::to_string(pid_) + " has ended");
    return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

double WatchedProcess::kernel_seconds() const {
    if (pid_ == 0) return 0;
    std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
    std::string line;
    std::getline(file, line);
    // Behind the name, which is in brackets and may hold anything: state is field 3, stime 15.
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string skipped;
    for (int field = 3; field < 15; ++field)
        fields >> skipped;
    double ticks = 0;
    fields >> ticks;
    return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

long WatchedProcess::status_kib(const char* key) const {
    if (pid_ == 0) return 0;
    std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(key)) return std::atol(line.c_str() + std::strlen(key));
    }
    return 0;
}

}  // namespace capture::bench
