// What the load generator sends: complete HTTP requests, prepared in files, in a fixed order.
//
// A manifest has a line per request, `file events expect`: the file with the whole request (beside
// the manifest), the events in it, and the first digits that its answer's status may have (`2`,
// `4`, `25`). A request that is to be sent ten times as often as another has ten lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace capture::bench {

struct Prebuilt {
    std::string bytes;
    std::uint64_t events = 0;
    std::string expect;
    std::vector<std::size_t> keys;  ///< where the numbers of kKeyMark start

    bool expects(char first_digit) const { return expect.find(first_digit) != std::string::npos; }
};

class RequestMix {
  public:
    /// In uncompressed bodies the ten digits after this mark are a key's number.
    static constexpr std::string_view kKeyMark = "bench-key-";
    static constexpr std::size_t kKeyDigits = 10;

    /// Throws std::runtime_error.
    explicit RequestMix(const std::string& manifest);

    /// From now on marks are numbered in [0, keys), each number once before any comes again, in an
    /// order that jumps about.
    void number_keys(std::uint64_t keys);

    /// The next request. Its bytes stay as they are until the same line's turn comes again, or,
    /// when keys are numbered, until the next call: copy them then.
    const Prebuilt& next();
    bool numbers_keys() const { return keys_ > 0; }

  private:
    void number(Prebuilt& request);

    std::vector<Prebuilt> requests_;
    std::size_t turn_ = 0;
    std::uint64_t keys_ = 0;
    std::uint64_t stride_ = 1;
    std::uint64_t key_ = 0;
};

}  // namespace capture::bench
