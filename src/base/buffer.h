// A growable run of bytes that is never zero-filled, charged to a budget, with slack after its end.
//
// The slack lets vectorised readers (JSON's index) read past the last byte. Growth doubles. Owned
// by one request; movable.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/budget.h"
#include "base/memory_block.h"

namespace capture::base {

class Buffer {
  public:
    static constexpr std::size_t kSlack = 64;

    Buffer() = default;
    /// Without a budget nothing is charged (tests, tools).
    explicit Buffer(Budget* budget) : charge_(budget ? Charge(*budget) : Charge()) {}
    Buffer(Buffer&& other) noexcept
        : block_(std::move(other.block_)),
          size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0)),
          charge_(std::move(other.charge_)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        block_ = std::move(other.block_);
        size_ = std::exchange(other.size_, 0);
        capacity_ = std::exchange(other.capacity_, 0);
        charge_ = std::move(other.charge_);
        return *this;
    }

    const char* data() const { return block_.data(); }
    char* data() { return block_.data(); }
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return capacity_; }
    bool empty() const { return size_ == 0; }
    std::string_view view() const { return {data(), size_}; }
    Budget* budget() const { return charge_.budget(); }

    /// Makes room for `capacity` bytes in all. False when the budget refuses; the content stays.
    [[nodiscard]] bool reserve(std::size_t capacity) {
        if (capacity <= capacity_) return true;
        std::size_t const wanted = std::max(capacity, 2 * capacity_);
        if (!charge_.add(wanted + kSlack - block_.size())) return false;
        block_.resize(wanted + kSlack);
        capacity_ = wanted;
        return true;
    }
    [[nodiscard]] bool append(std::string_view bytes) {
        if (!reserve(size_ + bytes.size())) return false;
        if (!bytes.empty()) std::memcpy(data() + size_, bytes.data(), bytes.size());
        size_ += bytes.size();
        return true;
    }
    /// Declares that `size` bytes (at most the capacity) are filled.
    void resize(std::size_t size) { size_ = size; }
    void clear() { size_ = 0; }
    /// Gives the memory back.
    void reset() {
        block_.resize(0);
        size_ = capacity_ = 0;
        charge_.clear();
    }

  private:
    MemoryBlock block_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;  ///< without the slack
    Charge charge_;
};

}  // namespace capture::base
