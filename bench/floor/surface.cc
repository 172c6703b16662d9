#include "floor/surface.h"

#include <isa-l/igzip_lib.h>

#include <charconv>
#include <cstring>

#include "decode/lzstring.h"
#include "decode/urlencoded.h"

namespace capture::bench {
namespace {

constexpr std::size_t kTextCap = std::size_t{100} << 20;
/// With room left ISA-L sees the end of the member at once.
constexpr std::size_t kSpare = 64;

}  // namespace

bool Surface::run(std::string_view body, Part until, Records& records) {
    records.block.clear();
    records.list.clear();
    if (until == Part::Receive) return true;
    std::string_view text;
    if (!inflate(body, text)) return false;
    if (until == Part::Inflate) return true;
    if (!parse(text)) return false;
    if (until == Part::Parse) return true;
    stamp(records);
    write(records);
    return true;
}

bool Surface::inflate(std::string_view body, std::string_view& text) {
    text = body;
    if (body.starts_with("\x1f\x8b")) {
        if (!gunzip(body)) return false;
        text = text_.view();
    } else if (body.starts_with("data=")) {
        if (!unpack_lz_string(body)) return false;
        text = text_.view();
    }
    return true;
}

/// A whole member: its last four bytes tell the size of its text.
bool Surface::gunzip(std::string_view body) {
    std::uint32_t size = 0;
    if (body.size() < sizeof(size)) return false;
    std::memcpy(&size, body.data() + body.size() - sizeof(size), sizeof(size));
    if (size > kTextCap || !text_.reserve(size + kSpare)) return false;
    inflate_state state;
    isal_inflate_init(&state);
    state.crc_flag = ISAL_GZIP;
    state.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(body.data()));
    state.avail_in = static_cast<std::uint32_t>(body.size());
    state.next_out = reinterpret_cast<std::uint8_t*>(text_.data());
    state.avail_out = static_cast<std::uint32_t>(text_.capacity());
    if (isal_inflate_stateless(&state) != ISAL_DECOMP_OK) return false;
    text_.resize(state.total_out);
    return true;
}

/// No library reads lz-string, so this is capture's own code. The form is the one that SDKs send:
/// `data` first, and percent signs.
bool Surface::unpack_lz_string(std::string_view form) {
    std::string_view const encoded = form.substr(5, form.find('&') - 5);
    (void)form_.reserve(encoded.size());
    form_.resize(decode::decode_component(encoded, form_.data()));
    return decode::decode_lz_string(form_.view(), kTextCap, text_) == decode::CodecStatus::Ok;
}

void Surface::stamp(Records& records) {
    now_ = clock_.now();
    records.now = base::format_rfc3339(now_, base::Fraction::Groups, now_text_);
    char* const end =
        std::to_chars(millis_text_, millis_text_ + sizeof(millis_text_), now_.millis()).ptr;
    records.millis = {millis_text_, static_cast<std::size_t>(end - millis_text_)};
}

const char* Surface::uuid() {
    uuids_.v7(now_.millis()).format(uuid_text_);
    return uuid_text_;
}

}  // namespace capture::bench
