#include "sink/store/headers.h"

#include <simdjson.h>

namespace capture::sink::store {
namespace {

void write_string(base::ByteWriter& out, std::string_view text) {
    constexpr char kHex[] = "0123456789abcdef";
    out.append('"');
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.append('\\');
            out.append(c);
        } else if (byte < 0x20) {
            char const escape[]{'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
            out.append(std::string_view(escape, sizeof escape));
        } else {
            out.append(c);
        }
    }
    out.append('"');
}

}  // namespace

void write_headers(base::ByteWriter& out, std::span<const model::RecordHeader> headers) {
    out.append('[');
    for (auto const& h : headers) {
        out.append(&h == headers.data() ? "[" : ",[");
        write_string(out, h.name);
        out.append(',');
        if (h.value) {
            write_string(out, *h.value);
        } else {
            out.append("null");
        }
        out.append(']');
    }
    out.append(']');
}

std::optional<std::vector<StoredHeader>> read_headers(std::string_view json) {
    namespace dom = simdjson::dom;
    dom::parser parser;
    dom::array list;
    if (parser.parse(json.data(), json.size()).get_array().get(list)) return std::nullopt;
    std::vector<StoredHeader> out;
    for (dom::element entry : list) {
        dom::array pair;
        if (entry.get_array().get(pair) || pair.size() != 2) return std::nullopt;
        std::string_view name;
        std::string_view value;
        if (pair.at(0).get_string().get(name)) return std::nullopt;
        if (pair.at(1).is_null()) {
            out.emplace_back(name, std::nullopt);
        } else if (!pair.at(1).get_string().get(value)) {
            out.emplace_back(name, std::string(value));
        } else {
            return std::nullopt;
        }
    }
    return out;
}

}  // namespace capture::sink::store
