#include "decode/query.h"

#include <charconv>
#include <concepts>

#include "base/time.h"
#include "decode/urlencoded.h"

namespace capture::decode {
namespace {

std::unexpected<model::Error> bad(std::string_view field, std::string_view what) {
    std::string detail(field);
    detail += ": ";
    detail += what;
    return model::fail(model::Code::BadQuery, std::move(detail));
}

/// Decimal digits after an optional sign, nothing else. A `+` must have come as %2B: as itself it
/// decodes to a blank.
template <std::signed_integral T>
model::Result<T> integer(std::string_view field, std::string_view raw) {
    std::string const decoded = decode_text(raw);
    std::string_view text = decoded;
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-')) return bad(field, "invalid digit found in string");
    }
    if (text.empty()) return bad(field, "cannot parse integer from empty string");
    T value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
        return bad(field, "invalid digit found in string");
    }
    if (error == std::errc::result_out_of_range) {
        return bad(field, "number does not fit in target type");
    }
    return value;
}

std::unexpected<model::Error> duplicate(std::string_view field) {
    return model::fail(model::Code::BadQuery, "duplicate field `" + std::string(field) + "`");
}

/// Seconds sent as milliseconds lie in 1970 and are no send time; neither is what RFC 3339 cannot
/// show.
bool plausible(std::int64_t millis) {
    static const std::int64_t first = base::from_civil({.year = 2021}) * 1000;
    static const std::int64_t end = base::from_civil({.year = 10'000}) * 1000;
    return millis >= first && millis < end;
}

/// One value of each known parameter, as it was met.
class Reader {
  public:
    model::Result<void> take(const RawPair& pair) {
        if (spells(pair.key, "data")) return text("data", pair.value, data_);
        if (spells(pair.key, "compression")) return text("compression", pair.value, compression_);
        if (spells(pair.key, "_") || spells(pair.key, "sent_at"))
            return number("_", pair.value, sent_at_);
        if (spells(pair.key, "beacon")) return number("beacon", pair.value, beacon_);
        return {};
    }

    Query finish() && {
        Query query;
        if (data_) query.data = std::move(*data_);
        query.compression = std::move(compression_);
        if (sent_at_ && plausible(*sent_at_)) query.sent_at_millis = sent_at_;
        query.beacon = beacon_ == 1;
        return query;
    }

  private:
    static model::Result<void> text(std::string_view name, std::string_view raw,
                                    std::optional<std::string>& out) {
        if (out) return duplicate(name);
        out = decode_text(raw);
        return {};
    }
    template <std::signed_integral T>
    static model::Result<void> number(std::string_view name, std::string_view raw,
                                      std::optional<T>& out) {
        if (out) return duplicate(name);
        auto value = integer<T>(name, raw);
        if (!value) return std::unexpected(std::move(value.error()));
        out = *value;
        return {};
    }

    std::optional<std::string> data_;
    std::optional<std::string> compression_;
    std::optional<std::int64_t> sent_at_;
    std::optional<std::int32_t> beacon_;
};

}  // namespace

model::Result<Query> read_query(std::string_view raw) {
    Reader reader;
    PairReader pairs(raw);
    while (auto const pair = pairs.next()) {
        if (auto taken = reader.take(*pair); !taken)
            return std::unexpected(std::move(taken.error()));
    }
    return std::move(reader).finish();
}

}  // namespace capture::decode
