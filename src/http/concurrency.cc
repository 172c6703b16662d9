#include "http/concurrency.h"

namespace capture::http {

std::optional<ConcurrencyLimit::Permit> ConcurrencyLimit::try_acquire() {
    std::lock_guard const lock(mutex_);
    if (free_ == 0) return std::nullopt;
    --free_;
    return Permit(this);
}

base::Task<ConcurrencyLimit::Permit> ConcurrencyLimit::acquire() {
    if (auto permit = try_acquire()) co_return std::move(*permit);
    co_await base::wait_for<bool>([this](auto ready) { enqueue(std::move(ready)); });
    co_return Permit(this);
}

void ConcurrencyLimit::enqueue(std::function<void(bool)> ready) {
    {
        std::lock_guard const lock(mutex_);
        if (free_ == 0) {
            waiting_.push_back(std::move(ready));
            return;
        }
        --free_;
    }
    ready(true);
}

void ConcurrencyLimit::release() {
    std::function<void(bool)> next;
    {
        std::lock_guard const lock(mutex_);
        if (waiting_.empty()) {
            ++free_;
            return;
        }
        next = std::move(waiting_.front());
        waiting_.pop_front();
    }
    next(true);
}

std::size_t ConcurrencyLimit::waiting() const {
    std::lock_guard const lock(mutex_);
    return waiting_.size();
}

std::shared_ptr<ConcurrencyLimit> ConcurrencyLimits::of(std::string_view pattern) {
    if (!per_path_) return nullptr;
    std::lock_guard const lock(mutex_);
    auto found = limits_.find(pattern);
    if (found == limits_.end()) {
        found =
            limits_.emplace(std::string(pattern), std::make_shared<ConcurrencyLimit>(*per_path_))
                .first;
    }
    return found->second;
}

}  // namespace capture::http
