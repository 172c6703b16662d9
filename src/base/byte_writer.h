// A cursor into memory that somebody else owns: how a record is written once, straight into its
// final place.
//
// The owner (a sink, a test) supplies the first block and grow(). Writers append and never look
// back.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace capture::base {

class ByteWriter {
  public:
    ByteWriter(const ByteWriter&) = delete;
    ByteWriter& operator=(const ByteWriter&) = delete;

    /// The next `n` writable bytes; call advance() with what was used of them.
    char* room(std::size_t n) {
        if (static_cast<std::size_t>(end_ - cursor_) < n) [[unlikely]]
            make_room(n);
        return cursor_;
    }
    void advance(std::size_t n) { cursor_ += n; }

    void append(std::string_view bytes) {
        std::memcpy(room(bytes.size()), bytes.data(), bytes.size());
        cursor_ += bytes.size();
    }
    void append(char c) { *room(1) = c, ++cursor_; }

    std::size_t size() const { return static_cast<std::size_t>(cursor_ - begin_); }
    std::string_view view() const { return {begin_, size()}; }

  protected:
    ByteWriter() = default;
    ~ByteWriter() = default;

    /// Must leave at least `need` bytes between cursor_ and end_, and keep what was written.
    virtual void grow(std::size_t need) = 0;

    char* begin_ = nullptr;
    char* cursor_ = nullptr;
    char* end_ = nullptr;

  private:
    /// Out of line: writers ask for room at every step, and mostly have it.
    [[gnu::noinline, gnu::cold]] void make_room(std::size_t need) { grow(need); }
};

/// A writer into a std::string, for tools and tests.
class StringWriter final : public ByteWriter {
  public:
    std::string take() {
        text_.resize(size());
        begin_ = cursor_ = end_ = nullptr;
        return std::move(text_);
    }

  private:
    void grow(std::size_t need) override {
        std::size_t const used = size();
        text_.resize(2 * (used + need));
        begin_ = text_.data();
        cursor_ = begin_ + used;
        end_ = begin_ + text_.size();
    }
    std::string text_;
};

}  // namespace capture::base
