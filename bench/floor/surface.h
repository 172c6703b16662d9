// What the floor does between a body and its records: inflate, parse, write, and nothing else.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/time.h"
#include "base/uuid.h"
#include "floor/records.h"

namespace capture::bench {

/// How far a request goes: the difference between two of them is the price of a part.
enum class Part { Receive, Inflate, Parse, Write, Produce };

/// One kind of request. One thread.
class Surface {
  public:
    virtual ~Surface() = default;

    /// Does the parts up to `until` (at most Write) and leaves the records in `records`; false for
    /// a body that cannot be read. `body` is followed by base::Buffer::kSlack readable bytes.
    bool run(std::string_view body, Part until, Records& records);

  protected:
    /// Keeps views into the text; it has the same slack.
    virtual bool parse(std::string_view text) = 0;
    virtual void write(Records& records) = 0;

    const char* uuid();
    void stamp(Records& records);

  private:
    bool inflate(std::string_view body, std::string_view& text);
    bool gunzip(std::string_view body);
    bool unpack_lz_string(std::string_view form);

    base::SystemClock clock_;
    base::UuidSource uuids_;
    base::Buffer text_;
    base::Buffer form_;
    base::Instant now_;
    char now_text_[base::kMaxInstantText];
    char millis_text_[24];
    char uuid_text_[base::Uuid::kTextSize];
};

std::unique_ptr<Surface> make_analytics();
std::unique_ptr<Surface> make_replay();

}  // namespace capture::bench
