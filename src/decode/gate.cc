#include "decode/gate.h"

#include <algorithm>
#include <optional>
#include <string>

#include "decode/base64.h"
#include "decode/codec.h"
#include "decode/form.h"
#include "decode/gzip.h"
#include "decode/lzstring.h"
#include "decode/utf8.h"

namespace capture::decode {
namespace {

using model::Code;
using Step = model::Result<void>;

constexpr std::string_view kTarget = "capture::decode";
constexpr double kSuspiciousRatio = 20;

enum class Hint : std::uint8_t { None, Gzip, LzString, Base64 };

/// `value` in lower case (contract 10 §6.4).
Hint read_hint(std::string_view value) {
    if (value == "gzip" || value == "gzip-js") return Hint::Gzip;
    if (value == "lz64" || value == "lz-string") return Hint::LzString;
    if (value == "base64" || value == "b64") return Hint::Base64;
    return Hint::None;
}

Hint read_parameter_hint(const std::optional<std::string>& value) {
    if (!value || value->size() > 16) return Hint::None;
    std::string lower = *value;
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return read_hint(lower);
}

std::unexpected<model::Error> no_memory() {
    return model::fail(Code::ServiceUnavailable, "memory budget exhausted");
}

std::string number(std::size_t value) {
    return std::to_string(value);
}

/// Decodes `text` to `out` and says whether it was base64. False: the budget refuses.
[[nodiscard]] bool try_base64(std::string_view text, base::Buffer& out, bool& decoded) {
    decoded = false;
    if (!out.reserve(base64_room(text.size()))) return false;
    if (auto const size = decode_base64(text, out.data())) {
        out.resize(*size);
        decoded = true;
    }
    return true;
}

/// One payload on its way through the gate.
class Opening {
  public:
    Opening(PayloadInput& input, base::Budget* budget, std::size_t cap, const Probe& probe,
            telemetry::Logger& log, model::DecodedBody& result)
        : input_(input),
          budget_(input.body.budget() ? input.body.budget() : budget),
          cap_(cap),
          probe_(probe),
          log_(log),
          payload_(input.body),
          result_(result) {}

    Step run() {
        if (Step done = choose(); !done) return done;
        if (Step done = peel_whole_payload(); !done) return done;
        if (Step done = unwrap(); !done) return done;
        if (Step done = decompress(); !done) return done;
        return peel_text();
    }

    Step run_black_hole() {
        count_black_hole();
        if (Step done = choose(); !done) return done;
        if (Step done = unwrap_black_hole(); !done) return done;
        return decompress_black_hole();
    }

  private:
    bool is_form() const { return input_.content_type == kFormType; }

    /// Contract 10 §6.1.
    Step choose() {
        if (!input_.query.data.empty()) {
            payload_ = base::Buffer(budget_);
            if (!payload_.append(input_.query.data)) return no_memory();
        } else if (payload_.empty()) {
            return model::fail(Code::EmptyPayload);
        }
        return {};
    }

    /// Contract 10 §6.2.
    Step peel_whole_payload() {
        std::string_view const text = payload_.view();
        if (!looks_like_strict_base64(text) || looks_like_form(text)) return {};
        base::Buffer bytes(budget_);
        bool decoded = false;
        if (!try_base64(text, bytes, decoded)) return no_memory();
        if (!decoded) return {};
        // lz-string's own output looks like base64 as well: decompress() may come back to it
        // (contract 10 §18).
        if (!is_form() && hint({}) == Hint::LzString) original_ = std::move(payload_);
        payload_ = std::move(bytes);
        return {};
    }

    /// Contract 10 §6.3.
    Step unwrap() {
        if (!is_form()) return {};
        if (!looks_like_form(payload_.view())) {
            return model::fail(Code::ReqDecoding, "expected form data in POST request payload");
        }
        switch (unwrap_form(payload_, form_)) {
            case FormStatus::Ok:
                return {};
            case FormStatus::DuplicateField:
                return model::fail(Code::ReqDecoding, "invalid urlencoded form data");
            case FormStatus::NoMemory:
                break;
        }
        return no_memory();
    }

    /// The first recognised compression of query, form and header (contract 10 §6.4).
    Hint hint(const std::optional<std::string>& form_compression) const {
        for (Hint const given :
             {read_parameter_hint(input_.query.compression), read_parameter_hint(form_compression),
              read_hint(input_.content_encoding)}) {
            if (given == Hint::Gzip || given == Hint::LzString) return given;
        }
        return Hint::None;
    }

    /// Contract 10 §6.5.
    Step decompress() {
        Hint const wanted = hint(form_.compression);
        result_.wire_bytes = payload_.size();
        probe_.raw_size.observe(static_cast<double>(payload_.size()));

        Step done;
        if (wanted == Hint::Gzip || starts_like_gzip(payload_.view())) {
            done = inflate();
        } else if (wanted == Hint::LzString) {
            done = decode_lz();
        } else {
            return take_plain();
        }
        if (!done && done.error().code == Code::ReqDecoding && !original_.empty()) {
            payload_ = std::move(original_);
            result_.wire_bytes = payload_.size();
            done = decode_lz();
        }
        if (done) {
            auto const size = static_cast<double>(result_.text.size());
            probe_.full_size.observe(size);
            payload_.reset();
            original_.reset();
        }
        return done;
    }

    Step inflate() {
        base::Buffer text(budget_);
        CodecStatus const status = gunzip(payload_.view(), cap_, text);
        if (status == CodecStatus::OverLimit) {
            return oversize(probe_.exceeded_gzip, text.size(),
                            "Decompressed payload would exceed " + number(cap_) + " bytes (got " +
                                number(text.size()) + " bytes)");
        }
        if (status == CodecStatus::NoMemory) return no_memory();
        if (status != CodecStatus::Ok) return undecodable(status, "gzip", "invalid GZIP data");
        if (!is_utf8(text.view())) return model::fail(Code::ReqDecoding, "invalid gzip data");
        return decompressed(std::move(text), model::Compression::Gzip, probe_.gzip_ratio, "gzip");
    }

    Step decode_lz() {
        base::Buffer text(budget_);
        CodecStatus const status = decode_lz_string(payload_.view(), cap_, text);
        switch (status) {
            case CodecStatus::Ok:
                break;
            case CodecStatus::NoMemory:
                return no_memory();
            case CodecStatus::OverLimit:
                return oversize(
                    probe_.exceeded_lz64, text.size(),
                    "Decompressed LZ64 payload would exceed " + number(cap_) + " bytes");
            case CodecStatus::OverLimitAsText:
                return oversize(probe_.exceeded_lz64, text.size(),
                                "lz64 request payload size limit exceeded");
            case CodecStatus::BrokenText:
                return undecodable(status, "lz64",
                                   "decompress_lz64: failed UTF16 to UTF8 conversion");
            case CodecStatus::Corrupt:
            case CodecStatus::Truncated:
                return undecodable(status, "lz64", "decompress_lz64: failed decompress to UTF16");
        }
        return decompressed(std::move(text), model::Compression::LzString, probe_.lz64_ratio,
                            "lz64");
    }

    Step decompressed(base::Buffer&& text, model::Compression compression,
                      const telemetry::Histogram& histogram, std::string_view codec) {
        auto const input = static_cast<double>(payload_.size());
        double const ratio = static_cast<double>(text.size()) / input;
        histogram.observe(ratio);
        if (ratio > kSuspiciousRatio) {
            log_.warn(kTarget, "Unusual compression ratio",
                      {{"compression", codec},
                       {"ratio", ratio},
                       {"compressed_bytes", payload_.size()},
                       {"decompressed_bytes", text.size()}});
        }
        result_.text = std::move(text);
        result_.compression = compression;
        return {};
    }

    Step take_plain() {
        // What a form held has been checked, and repaired, while it was decoded.
        if (!form_.has_data && !is_utf8(payload_.view())) {
            return model::fail(Code::ReqDecoding, "invalid UTF8 in request payload");
        }
        std::size_t const size = payload_.size();
        if (size > cap_) {
            return oversize(
                probe_.exceeded_none, size,
                "Uncompressed payload size limit " + number(cap_) + " exceeded: " + number(size));
        }
        probe_.full_size.observe(static_cast<double>(size));
        result_.text = std::move(payload_);
        return {};
    }

    /// Contract 10 §6.6. The result is shorter than the text, so it is under the cap.
    Step peel_text() {
        bool const wanted = input_.old_path ||
                            read_parameter_hint(input_.query.compression) == Hint::Base64 ||
                            read_parameter_hint(form_.compression) == Hint::Base64;
        if (!wanted || !looks_like_strict_base64(result_.text.view())) return {};
        base::Buffer bytes(budget_);
        bool decoded = false;
        if (!try_base64(result_.text.view(), bytes, decoded)) return no_memory();
        if (decoded && is_utf8(bytes.view())) {
            result_.text = std::move(bytes);
        } else {
            log_.info(kTarget, "Payload looks like base64 and is none; taken as it is",
                      {{"bytes", result_.text.size()}});
        }
        return {};
    }

    Step undecodable(CodecStatus status, std::string_view codec, std::string detail) const {
        log_.debug(kTarget, "Payload does not decompress",
                   {{"compression", codec},
                    {"fault", to_text(status)},
                    {"compressed_bytes", payload_.size()}});
        return model::fail(Code::ReqDecoding, std::move(detail));
    }

    Step oversize(const telemetry::Counter& counter, std::size_t size, std::string detail) const {
        counter.add();
        probe_.oversize.observe(static_cast<double>(size));
        return model::fail(Code::OversizeEvent, std::move(detail));
    }

    // ---- /test/black_hole (contract 10 §17)

    /// The query's compression as a label.
    std::string_view black_hole_compression() const {
        if (!input_.query.compression || input_.query.compression->empty()) return "none";
        for (std::string_view const known :
             {"gzip", "gzip-js", "lz64", "lz-string", "base64", "b64"}) {
            if (*input_.query.compression == known) return known;
        }
        return "other";
    }

    void count_black_hole() const {
        probe_.test_compression_type.with({black_hole_compression()}).add();
        std::string_view type = "other";
        if (is_form()) type = "form";
        if (input_.content_type.empty()) type = "none";
        if (input_.content_type == "application/json" || input_.content_type == "text/plain") {
            type = input_.content_type;
        }
        probe_.test_content_header_type.with({type}).add();
    }

    Step unwrap_black_hole() {
        if (!is_form()) return {};
        switch (unwrap_form(payload_, form_)) {
            case FormStatus::Ok:
                break;
            case FormStatus::DuplicateField:
                return model::fail(Code::ReqDecoding, "invalid urlencoded form data");
            case FormStatus::NoMemory:
                return no_memory();
        }
        if (!form_.has_data || payload_.empty()) return model::fail(Code::EmptyPayload);
        base::Buffer bytes(budget_);
        bool decoded = false;
        if (!try_base64(payload_.view(), bytes, decoded)) return no_memory();
        if (!decoded) return model::fail(Code::ReqDecoding, "invalid base64 in form data");
        payload_ = std::move(bytes);
        return {};
    }

    Step decompress_black_hole() {
        std::string_view const comp = black_hole_compression();
        result_.wire_bytes = payload_.size();
        if (!starts_like_gzip(payload_.view())) {
            if (!is_utf8(payload_.view())) {
                probe_.test_utf8_failed.with({"plain", comp}).add();
                return model::fail(Code::ReqDecoding, "invalid UTF8 in request payload");
            }
            result_.text = std::move(payload_);
            return {};
        }
        probe_.test_gzip_found.with({comp}).add();
        base::Buffer text(budget_);
        CodecStatus const status = gunzip(payload_.view(), cap_, text);
        if (status != CodecStatus::Ok) probe_.test_gzip_failed.with({to_text(status), comp}).add();
        if (status == CodecStatus::NoMemory) return no_memory();
        if (status == CodecStatus::OverLimit) {
            return model::fail(Code::OversizeEvent, "Decompressed payload would exceed " +
                                                        number(cap_) + " bytes (got " +
                                                        number(text.size()) + " bytes)");
        }
        if (status != CodecStatus::Ok) return undecodable(status, "gzip", "invalid GZIP data");
        if (!is_utf8(text.view())) {
            probe_.test_utf8_failed.with({"gzip", comp}).add();
            return model::fail(Code::ReqDecoding, "invalid gzip data");
        }
        result_.text = std::move(text);
        result_.compression = model::Compression::Gzip;
        return {};
    }

    const PayloadInput& input_;
    base::Budget* const budget_;
    const std::size_t cap_;
    const Probe& probe_;
    telemetry::Logger& log_;

    base::Buffer& payload_;
    base::Buffer original_;  ///< the text that whole-payload base64 was decoded from, kept only for
                             ///< lz-string
    FormFields form_;
    model::DecodedBody& result_;
};

}  // namespace

model::Result<model::DecodedBody> Gate::open(PayloadInput input, base::Budget* budget) const {
    model::Result<model::DecodedBody> body;
    if (Step done = Opening(input, budget, cap_, probe_, log_, *body).run(); !done)
        body = std::unexpected(std::move(done.error()));
    return body;
}

model::Result<model::DecodedBody> Gate::open_black_hole(PayloadInput input,
                                                        base::Budget* budget) const {
    model::Result<model::DecodedBody> body;
    if (Step done = Opening(input, budget, cap_, probe_, log_, *body).run_black_hole(); !done)
        body = std::unexpected(std::move(done.error()));
    return body;
}

}  // namespace capture::decode
