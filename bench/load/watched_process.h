// CPU time and memory of another process on this machine.
#pragma once

#include <sys/types.h>
#include <time.h>

namespace capture::bench {

class WatchedProcess {
  public:
    /// 0 = none: everything is 0. Throws std::runtime_error when there is no such process.
    explicit WatchedProcess(pid_t pid);

    /// User and system time of all threads, those that have ended included, in seconds.
    double cpu_seconds() const;
    /// The kernel's part of it. Told by the ticks of its clock, so a share of some seconds means
    /// something, one of milliseconds does not.
    double kernel_seconds() const;
    long rss_kib() const { return status_kib("VmRSS:"); }
    long peak_rss_kib() const { return status_kib("VmHWM:"); }

  private:
    long status_kib(const char* key) const;

    pid_t pid_;
    clockid_t clock_{};
};

}  // namespace capture::bench
