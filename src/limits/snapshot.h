// Facts that one thread refreshes and every worker reads: immutable objects, swapped whole.
//
// The housekeeping thread publishes; a worker keeps its own pointer and, once per request, compares
// one version number (an uncontended load). Only after a change does it take the lock and fetch the
// new pointer.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace capture::limits {

template <typename T>
class Snapshot {
  public:
    Snapshot() : current_(std::make_shared<const T>()) {}
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;

    /// Any thread.
    void publish(std::shared_ptr<const T> next) {
        std::lock_guard lock(mutex_);
        current_ = std::move(next);
        version_.fetch_add(1, std::memory_order_release);
    }
    /// Any thread; takes the lock.
    std::shared_ptr<const T> load() const {
        std::lock_guard lock(mutex_);
        return current_;
    }
    std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const T> current_;
    std::atomic<std::uint64_t> version_{1};
};

/// One worker's view. What get() returned stays valid until the next get() of the same reader.
template <typename T>
class SnapshotReader {
  public:
    explicit SnapshotReader(const Snapshot<T>& source) : source_(&source) {}

    const T& get() {
        std::uint64_t const version = source_->version();
        if (version != version_) [[unlikely]] {
            current_ = source_->load();
            version_ = version;
        }
        return *current_;
    }

  private:
    const Snapshot<T>* source_;
    std::shared_ptr<const T> current_;
    std::uint64_t version_ = 0;
};

}  // namespace capture::limits
