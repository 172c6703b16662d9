#include "decode/form.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "decode/base64.h"
#include "decode/urlencoded.h"
#include "decode/utf8.h"

namespace capture::decode {
namespace {

/// A longer value is no known compression, so that a client cannot make us copy megabytes.
constexpr std::size_t kLongestHint = 64;

/// By memchr, because blanks are rare and a loop over every byte is not vectorised.
void replace_blanks(base::Buffer& text) {
    char* at = text.data();
    char* const end = at + text.size();
    while ((at = static_cast<char*>(std::memchr(at, ' ', static_cast<std::size_t>(end - at))))) {
        *at++ = '+';
    }
}

}  // namespace

bool looks_like_form(std::string_view payload) {
    constexpr std::array<std::string_view, 4> markers{"data=", "_=", "ip=", "compression="};
    std::string_view head = payload.substr(0, kSniffBytes);
    for (;;) {
        if (std::ranges::any_of(markers,
                                [head](std::string_view m) { return head.starts_with(m); }))
            return true;
        std::size_t const next = head.find('&');
        if (next == std::string_view::npos) return false;
        head.remove_prefix(next + 1);
    }
}

FormStatus unwrap_form(base::Buffer& payload, FormFields& fields) {
    std::optional<std::string_view> data;
    PairReader pairs(payload.view());
    while (auto const pair = pairs.next()) {
        if (spells(pair->key, "data")) {
            if (data) return FormStatus::DuplicateField;
            data = pair->value;
        } else if (spells(pair->key, "compression")) {
            if (fields.compression) return FormStatus::DuplicateField;
            fields.compression = decode_text(pair->value.substr(0, kLongestHint));
        }
    }
    if (!data) return FormStatus::Ok;

    // The value stands behind `data=` in this very buffer, so decoding to its front never overtakes
    // the reading.
    payload.resize(decode_component(*data, payload.data()));
    if (!is_utf8(payload.view())) {
        base::Buffer repaired(payload.budget());
        if (!append_repaired_utf8(payload.view(), repaired)) return FormStatus::NoMemory;
        payload = std::move(repaired);
    }
    // Form decoding has turned the `+` of a base64 value that was not escaped into blanks.
    if (looks_like_loose_base64(payload.view())) {
        replace_blanks(payload);
    }
    fields.has_data = true;
    return FormStatus::Ok;
}

}  // namespace capture::decode
