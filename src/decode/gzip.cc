#include "decode/gzip.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <cstdint>

namespace capture::decode {
namespace {

constexpr std::size_t kRead = 8192;
/// ISA-L counts in 32 bits; what is larger is fed and drained in pieces.
constexpr std::size_t kPiece = std::size_t{1} << 30;

class Inflater {
  public:
    Inflater(std::string_view in, std::size_t cap, base::Buffer& out)
        : rest_(in), cap_(cap), limit_((cap / kRead + 1) * kRead), out_(out) {
        begin();
    }

    CodecStatus run() {
        std::size_t const size = told_size();
        std::size_t const first = size > 0 ? std::min(limit_, size + kSpare)
                                           : first_capacity(kUsual * rest_.size(), limit_);
        if (!out_.reserve(first)) return CodecStatus::NoMemory;
        if (size > 0 && at_once()) return CodecStatus::Ok;
        for (;;) {
            if (out_.size() == limit_) return CodecStatus::OverLimit;
            if (out_.size() == out_.capacity() &&
                !out_.reserve(std::min(limit_, 2 * out_.capacity()))) {
                return CodecStatus::NoMemory;
            }
            int const result = step();
            bool const ended = state_.block_state == ISAL_BLOCK_FINISH && flushed();
            bool const starved = state_.avail_in == 0 && rest_.empty() && state_.avail_out > 0;
            if (result == ISAL_DECOMP_OK && !ended && !starved) continue;
            if (out_.size() > cap_) return CodecStatus::OverLimit;
            if (result != ISAL_DECOMP_OK) return CodecStatus::Corrupt;
            return ended ? CodecStatus::Ok : CodecStatus::Truncated;
        }
    }

  private:
    /// How many times its size a text usually has when it is not compressed.
    static constexpr std::size_t kUsual = 5;
    /// Where room is left the end is seen at once.
    static constexpr std::size_t kSpare = 64;

    void begin() {
        isal_inflate_init(&state_);
        state_.crc_flag = ISAL_GZIP;
    }

    /// A member ends with the size of its text, modulo 2^32. It is believed as far as JSON is ever
    /// compressed, because the budget is charged for it; 0 otherwise.
    std::size_t told_size() const {
        constexpr std::size_t kBelieved = 40;
        constexpr std::size_t kHeadAndEnd = 18;
        if (rest_.size() <= kHeadAndEnd) return 0;
        std::uint32_t size = 0;
        for (std::size_t i = 0; i < sizeof(size); ++i)
            size |= std::uint32_t{static_cast<std::uint8_t>(rest_[rest_.size() - 4 + i])} << 8 * i;
        return size >= rest_.size() && size / kBelieved <= rest_.size() ? size : 0;
    }

    /// Inflates straight into the room, where a stream passes through ISA-L's window and is copied.
    /// False for all but a whole member that fits: what is wrong is for the stream to find out.
    bool at_once() {
        feed(rest_.substr(0, kPiece));
        state_.next_out = reinterpret_cast<std::uint8_t*>(out_.data());
        state_.avail_out = static_cast<std::uint32_t>(std::min({out_.capacity(), cap_, kPiece}));
        if (isal_inflate_stateless(&state_) == ISAL_DECOMP_OK) {
            out_.resize(state_.total_out);
            return true;
        }
        begin();
        return false;
    }

    void feed(std::string_view piece) {
        // ISA-L only reads through this pointer.
        state_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(piece.data()));
        state_.avail_in = static_cast<std::uint32_t>(piece.size());
    }

    bool flushed() const { return state_.tmp_out_processed == state_.tmp_out_valid; }

    int step() {
        if (state_.avail_in == 0) {
            std::string_view const piece = rest_.substr(0, kPiece);
            rest_.remove_prefix(piece.size());
            feed(piece);
        }
        std::size_t const room =
            std::min({out_.capacity(), limit_, out_.size() + kPiece}) - out_.size();
        state_.next_out = reinterpret_cast<std::uint8_t*>(out_.data() + out_.size());
        state_.avail_out = static_cast<std::uint32_t>(room);
        int const result = isal_inflate(&state_);
        out_.resize(out_.size() + room - state_.avail_out);
        return result;
    }

    std::string_view rest_;
    const std::size_t cap_;
    const std::size_t limit_;
    base::Buffer& out_;
    inflate_state state_;
};

}  // namespace

bool starts_like_gzip(std::string_view bytes) {
    return bytes.starts_with("\x1f\x8b\x08");
}

CodecStatus gunzip(std::string_view in, std::size_t cap, base::Buffer& out) {
    out.clear();
    return Inflater(in, cap, out).run();
}

}  // namespace capture::decode
