// What `top -H`, `perf` and debuggers call a thread.
#pragma once

#include <array>
#include <string_view>

namespace capture::base {

/// Names the calling thread while it lives. Threads that are started meanwhile inherit the name
/// and keep it. The kernel keeps 15 bytes of a name; the rest is cut off.
class ThreadName {
  public:
    explicit ThreadName(std::string_view name);
    ~ThreadName();
    ThreadName(const ThreadName&) = delete;
    ThreadName& operator=(const ThreadName&) = delete;

  private:
    std::array<char, 16> before_{};
};

}  // namespace capture::base
