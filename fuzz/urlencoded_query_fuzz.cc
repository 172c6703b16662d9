// Any text as a query string, and through the percent decoder against one that goes byte by byte.
#include <cstring>
#include <string>

#include "decode/query.h"
#include "decode/urlencoded.h"
#include "decode/utf8.h"
#include "fuzz_input.h"

using namespace capture;

namespace {

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string by_hand(std::string_view in) {
    std::string out;
    for (std::size_t i = 0; i < in.size(); ++i) {
        if (in[i] == '%' && i + 2 < in.size() && digit(in[i + 1]) >= 0 && digit(in[i + 2]) >= 0) {
            out += static_cast<char>(digit(in[i + 1]) * 16 + digit(in[i + 2]));
            i += 2;
        } else {
            out += in[i] == '+' ? ' ' : in[i];
        }
    }
    return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view const text = fuzz::FuzzInput(data, size).rest();

    std::string const expected = by_hand(text);
    std::string apart(text.size(), '\0');
    apart.resize(decode::decode_component(text, apart.data()));
    fuzz::expect(apart == expected, "decodes like the model");
    std::string in_place(text);
    in_place.resize(decode::decode_component(in_place, in_place.data()));
    fuzz::expect(in_place == expected, "decodes in place");
    fuzz::expect(decode::is_utf8(decode::decode_text(text)), "decoded text is UTF-8");
    if (decode::is_utf8(expected)) fuzz::expect(decode::decode_text(text) == expected, "unchanged");

    auto const query = decode::read_query(text);
    if (!query) {
        fuzz::expect(query.error().code == model::Code::BadQuery, "only one error");
    } else {
        fuzz::expect(decode::is_utf8(query->data), "data is UTF-8");
        fuzz::expect(!query->sent_at_millis || *query->sent_at_millis >= 1'609'459'200'000,
                     "from 2021 on");
    }
    return 0;
}
