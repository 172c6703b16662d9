// Memory of one request for small things that must live as long as its body: unescaped strings,
// edited properties, texts of error messages. Freed all at once. One thread at a time.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <span>
#include <string_view>

namespace capture::base {

class Arena {
  public:
    Arena() : resource_(first_, sizeof(first_)) {}
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    char* allocate(std::size_t bytes) { return static_cast<char*>(resource_.allocate(bytes, 1)); }
    std::string_view copy(std::string_view text) {
        if (text.empty()) return {};
        char* p = allocate(text.size());
        std::memcpy(p, text.data(), text.size());
        return {p, text.size()};
    }
    template <typename T>
    std::span<T> array(std::size_t count) {
        return {static_cast<T*>(resource_.allocate(count * sizeof(T), alignof(T))), count};
    }
    std::pmr::memory_resource* resource() { return &resource_; }

  private:
    alignas(16) std::byte first_[1024];
    std::pmr::monotonic_buffer_resource resource_;
};

}  // namespace capture::base
