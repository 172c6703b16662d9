#include "decode/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "decode/form.h"
#include "decode/test_support.h"

namespace capture::decode {
namespace {

using model::Code;
using model::Compression;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::to_base64;
using testing::to_gzip;
using testing::to_lz_string;
using testing::to_percent;

const std::string kJson = R"({"event":"signup","distinct_id":"u1","properties":{"plan":"pro"}})";

struct Sent {
    std::string body = {};
    std::string query = {};  ///< raw
    std::string content_type = "application/json";
    std::string content_encoding = {};
    bool old_path = false;
};

Sent form(std::string body, std::string query = "", bool old_path = false) {
    return {.body = std::move(body),
            .query = std::move(query),
            .content_type = std::string(kFormType),
            .old_path = old_path};
}

class GateTest : public ::testing::Test {
  protected:
    model::Result<model::DecodedBody> open(const Sent& sent, std::size_t cap = kCap,
                                           bool black_hole = false) {
        auto const query = read_query(sent.query);
        EXPECT_TRUE(query) << sent.query;
        Gate const gate(cap, probe_, telemetry::Logger::silent());
        base::Buffer body(&budget_);
        EXPECT_TRUE(body.append(sent.body));
        PayloadInput input{std::move(body), *query, sent.content_type, sent.content_encoding,
                           sent.old_path};
        auto result = black_hole ? gate.open_black_hole(std::move(input), &budget_)
                                 : gate.open(std::move(input), &budget_);
        if (result) {
            wire_bytes_ = result->wire_bytes;
            compression_ = result->compression;
            EXPECT_EQ(result->text.budget(), &budget_);
        }
        return result;
    }
    /// The text, or the answer's body.
    std::string text(const Sent& sent, std::size_t cap = kCap) { return told(open(sent, cap)); }
    std::string black_hole(const Sent& sent, std::size_t cap = kCap) {
        return told(open(sent, cap, true));
    }

    static std::string told(const model::Result<model::DecodedBody>& result) {
        return result ? std::string(result->text.view()) : model::body_text(result.error());
    }
    ~GateTest() override { EXPECT_EQ(budget_.used(), 0u); }

    static constexpr std::size_t kCap = std::size_t{1} << 20;
    base::Budget budget_{std::size_t{64} << 20, std::size_t{64} << 20};
    telemetry::Registry registry_{"capture", "events"};
    Probe probe_{registry_};
    std::size_t wire_bytes_ = 0;
    Compression compression_ = Compression::None;
};

// ---- contract 10 §6.1: choosing the payload

TEST_F(GateTest, RefusesARequestWithoutPayload) {
    EXPECT_EQ(text({}), "request missing data payload");
    EXPECT_EQ(text({.query = "data=&compression=gzip"}), "request missing data payload");
    EXPECT_EQ(open({}).error().code, Code::EmptyPayload);
}

TEST_F(GateTest, PrefersTheQuerysDataToTheBody) {
    EXPECT_EQ(text({.body = "ignored", .query = "data=" + to_percent(kJson)}), kJson);
    EXPECT_EQ(text({.query = "data=" + to_percent(kJson)}), kJson);
    EXPECT_EQ(text({.body = kJson, .query = "data="}), kJson);
}

TEST_F(GateTest, HandsARawBodyOnWithoutCopyingIt) {
    auto const query = read_query("");
    Gate const gate(kCap, probe_, telemetry::Logger::silent());
    base::Buffer body(&budget_);
    ASSERT_TRUE(body.append(kJson));
    const char* const memory = body.data();
    auto const result = gate.open({std::move(body), *query, "text/plain", "", true}, nullptr);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->text.data(), memory);
    EXPECT_EQ(result->wire_bytes, kJson.size());
    EXPECT_EQ(result->compression, Compression::None);
}

// ---- §6.2: whole-payload base64

TEST_F(GateTest, TakesWholePayloadBase64OffOnEveryPath) {
    EXPECT_EQ(text({.body = to_base64(kJson)}), kJson);
    EXPECT_EQ(text({.query = "data=" + to_percent(to_base64(kJson))}), kJson);
}

TEST_F(GateTest, KeepsWhatOnlyLooksLikeBase64) {
    EXPECT_EQ(text({.body = "abc=defg"}), "abc=defg");
    EXPECT_EQ(text({.body = to_base64(kJson) + "\n"}), to_base64(kJson) + "\n");
    EXPECT_EQ(text({.body = std::string(128, 'A') + "\n\n\n\n"}),
              std::string(128, 'A') + "\n\n\n\n");
    EXPECT_EQ(text({.body = "ab c"}), "ab c");
}

TEST_F(GateTest, DoesNotTakeAFormForBase64) {
    // `data=` and four times four characters of the alphabet.
    EXPECT_EQ(text({.body = "data=AAAAAAA", .content_type = "text/plain"}), "data=AAAAAAA");
}

TEST_F(GateTest, DecodesBinaryAndThenFindsNoText) {
    EXPECT_EQ(text({.body = to_base64("\xff\xfe\xfd")}),
              "failed to decode request: invalid UTF8 in request payload");
}

// ---- §6.3: forms

TEST_F(GateTest, UnwrapsForms) {
    EXPECT_EQ(text(form("data=" + to_percent(kJson))), kJson);
    EXPECT_EQ(text(form("ip=1&_=17&data=" + to_percent(kJson) + "&ver=1.2")), kJson);
    EXPECT_EQ(text(form("ver=1&ip=1&d%61ta=" + to_percent(kJson))), kJson);
    EXPECT_EQ(text(form("data=a+b%2Bc")), "a b+c");
}

TEST_F(GateTest, UnwrapsAFormThatCameAsBase64) {
    EXPECT_EQ(text(form(to_base64("data=" + to_percent(kJson)))), kJson);
}

TEST_F(GateTest, RefusesAFormTypeWithoutAForm) {
    const std::string expected =
        "failed to decode request: expected form data in POST request payload";
    EXPECT_EQ(text(form(kJson)), expected);
    EXPECT_EQ(text(form(to_gzip(kJson))), expected);
    EXPECT_EQ(text(form(to_base64(kJson))), expected);
    EXPECT_EQ(text(form("ver=1&" + std::string(130, 'x') + "=1&data=a")), expected);
}

TEST_F(GateTest, RefusesFormFieldsGivenTwice) {
    const std::string expected = "failed to decode request: invalid urlencoded form data";
    EXPECT_EQ(text(form("data=a&data=b")), expected);
    EXPECT_EQ(text(form("data=a&d%61ta=b")), expected);
    EXPECT_EQ(text(form("data=a&compression=gzip&compression=gzip")), expected);
    EXPECT_EQ(text(form("data=a&ver=1&ver=2")), "a");
}

TEST_F(GateTest, TurnsBlanksOfLooseBase64IntoPluses) {
    std::string const bytes = "{\"a\":\"\xC3\xBE\xC3\xBF~~~>>>???\"}";
    std::string const encoded = to_base64(bytes);
    ASSERT_THAT(encoded, HasSubstr("+"));
    EXPECT_EQ(text(form("data=" + encoded, "", true)), bytes);
    EXPECT_EQ(text(form("data=" + encoded)), encoded);
}

TEST_F(GateTest, TakesAnEmptyDataFieldForThePayload) {
    EXPECT_EQ(text(form("data=")), "");
    EXPECT_EQ(text(form("data")),
              "failed to decode request: expected form data in POST request payload");
}

TEST_F(GateTest, KeepsTheFormTextWhenItHasNoDataField) {
    EXPECT_EQ(text(form("ip=1&ver=2")), "ip=1&ver=2");
    EXPECT_EQ(text(form("_=1")), "_=1");
}

TEST_F(GateTest, ReplacesWhatIsNoUtf8InAForm) {
    EXPECT_EQ(text(form("data=a%FFb")), "a\uFFFDb");
    EXPECT_EQ(text(form("data=\xE2\x82|")), "\uFFFD|");
    EXPECT_EQ(text(form("ip=\xFF")), "failed to decode request: invalid UTF8 in request payload");
}

TEST_F(GateTest, TakesOnlyTheExactFormType) {
    std::string const body = "data=" + to_percent(kJson);
    for (const char* type : {"application/x-www-form-urlencoded; charset=UTF-8",
                             "application/X-www-form-urlencoded", "text/plain", ""}) {
        EXPECT_EQ(text({.body = body, .content_type = type}), body) << type;
    }
}

TEST(LooksLikeForm, FindsAMarkerAtTheStartOrBehindAnAmpersand) {
    for (const char* yes :
         {"data=", "_=1", "ip=", "compression=gzip", "ver=1&data=x", "&&_=", "x&ip="}) {
        EXPECT_TRUE(looks_like_form(yes)) << yes;
    }
    for (const char* no :
         {"", "data", "xdata=", "ver=1", "{\"data=\"", "Data=", "x&xip=", "d%61ta=1"}) {
        EXPECT_FALSE(looks_like_form(no)) << no;
    }
    EXPECT_TRUE(looks_like_form(std::string(122, 'x') + "&data="));
    EXPECT_FALSE(looks_like_form(std::string(123, 'x') + "&data="));
}

// ---- §6.4: hints

TEST_F(GateTest, KnowsTheNamesOfGzip) {
    for (const char* name : {"gzip", "gzip-js", "GZip-JS"}) {
        EXPECT_EQ(text({.body = to_gzip(kJson), .query = std::string("compression=") + name}),
                  kJson)
            << name;
        EXPECT_EQ(text({.body = "x", .query = std::string("compression=") + name}),
                  "failed to decode request: invalid GZIP data")
            << name;
    }
}

TEST_F(GateTest, KnowsTheNamesOfLzString) {
    for (const char* name : {"lz64", "lz-string", "LZ64"}) {
        EXPECT_EQ(text(form("compression=" + std::string(name) +
                            "&data=" + to_percent(to_lz_string(kJson)))),
                  kJson);
        EXPECT_EQ(compression_, Compression::LzString);
    }
}

TEST_F(GateTest, IgnoresHintsItDoesNotKnow) {
    for (const char* name : {"", "zstd", "br", "deflate", "gzip%20", "gzi", "identity"}) {
        EXPECT_EQ(text({.body = kJson, .query = std::string("compression=") + name}), kJson)
            << name;
    }
    EXPECT_EQ(text({.body = kJson, .content_encoding = "br"}), kJson);
}

TEST_F(GateTest, TakesTheFirstRecognisedHint) {
    const std::string not_gzip = "failed to decode request: invalid GZIP data";
    // The header is the last resort, and matched exactly.
    EXPECT_EQ(text({.body = kJson, .content_encoding = "gzip"}), not_gzip);
    EXPECT_EQ(text({.body = kJson, .content_encoding = "GZIP"}), kJson);
    EXPECT_EQ(text({.body = kJson, .query = "compression=zstd", .content_encoding = "gzip"}),
              not_gzip);
    EXPECT_EQ(text({.body = kJson, .query = "compression=base64", .content_encoding = "gzip"}),
              not_gzip);
    // The query masks form and header, unless it says nothing.
    std::string const packed = to_percent(to_lz_string(kJson));
    EXPECT_EQ(text(form("data=" + packed + "&compression=gzip", "compression=lz64")), kJson);
    EXPECT_EQ(text(form("data=" + packed + "&compression=lz64", "compression=br")), kJson);
    EXPECT_EQ(text(form("data=" + packed + "&compression=lz64", "compression=gzip")), not_gzip);
}

// ---- §6.5: decompression

TEST_F(GateTest, InflatesByMagicBytesWhateverTheHint) {
    EXPECT_EQ(text({.body = to_gzip(kJson)}), kJson);
    EXPECT_EQ(compression_, Compression::Gzip);
    EXPECT_EQ(wire_bytes_, to_gzip(kJson).size());
    EXPECT_EQ(text({.body = to_gzip(kJson), .query = "compression=lz64"}), kJson);
    EXPECT_EQ(text({.body = to_gzip(kJson), .query = "compression=base64"}), kJson);
    EXPECT_EQ(text({.body = to_gzip(kJson) + "trailing", .content_encoding = "zstd"}), kJson);
}

TEST_F(GateTest, NamesEachWayToBeUndecodable) {
    std::string const whole = to_gzip(kJson);
    EXPECT_EQ(text({.body = whole.substr(0, whole.size() - 1)}),
              "failed to decode request: invalid GZIP data");
    EXPECT_EQ(text({.body = to_gzip("\xff")}), "failed to decode request: invalid gzip data");
    EXPECT_EQ(text({.body = "{\"a\":\"\xff\"}"}),
              "failed to decode request: invalid UTF8 in request payload");
    EXPECT_EQ(text(form("data=nothing", "compression=lz64")),
              "failed to decode request: decompress_lz64: failed decompress to UTF16");
    EXPECT_EQ(text(form("data=rwbQ", "compression=lz64")),
              "failed to decode request: decompress_lz64: failed UTF16 to UTF8 conversion");
    EXPECT_EQ(open({.body = "\xff"}).error().code, Code::ReqDecoding);
}

TEST_F(GateTest, RefusesGzipWhoseOutputPassesTheCap) {
    EXPECT_EQ(text({.body = to_gzip(std::string(1000, ' '))}, 1000), std::string(1000, ' '));
    auto const over = open({.body = to_gzip(std::string(1001, ' '))}, 1000);
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().code, Code::OversizeEvent);
    EXPECT_EQ(over.error().detail, "Decompressed payload would exceed 1000 bytes (got 1001 bytes)");
    EXPECT_EQ(text({.body = to_gzip(std::string(100'000, ' '))}, 10'000),
              "maximum event size exceeded: Decompressed payload would exceed 10000 bytes (got "
              "16384 bytes)");
}

TEST_F(GateTest, RefusesLzStringWhoseOutputPassesTheCap) {
    auto const packed = [](std::u16string const& t) {
        return form("data=" + to_percent(to_lz_string(t)), "compression=lz64");
    };
    EXPECT_EQ(text(packed(std::u16string(1000, u' ')), 1000), std::string(1000, ' '));
    EXPECT_EQ(text(packed(std::u16string(1001, u' ')), 1000),
              "maximum event size exceeded: Decompressed LZ64 payload would exceed 1000 bytes");
    EXPECT_EQ(text(packed(std::u16string(1000, u'é')), 1000),
              "maximum event size exceeded: lz64 request payload size limit exceeded");
}

TEST_F(GateTest, RefusesAnUncompressedPayloadOverTheCap) {
    EXPECT_EQ(text({.body = std::string(1000, ' ')}, 1000), std::string(1000, ' '));
    EXPECT_EQ(text({.body = std::string(1001, ' ')}, 1000),
              "maximum event size exceeded: Uncompressed payload size limit 1000 exceeded: 1001");
    EXPECT_EQ(text({.body = std::string(1001, '\xff')}, 1000),
              "failed to decode request: invalid UTF8 in request payload");
}

TEST_F(GateTest, AnswersThatTheBudgetIsExhausted) {
    for (Sent const& sent :
         {Sent{.body = to_gzip(kJson)}, Sent{.body = to_base64(kJson)},
          form("data=" + to_percent(to_lz_string(kJson)), "compression=lz64"),
          form("data=%FF%FF%FF%FF%FF"), form("data=" + to_base64(kJson), "", true),
          Sent{.query = "data=" + to_percent(kJson)}}) {
        auto const query = read_query(sent.query);
        Gate const gate(kCap, probe_, telemetry::Logger::silent());
        base::Budget tight(sent.body.size() + base::Buffer::kSlack,
                           sent.body.size() + base::Buffer::kSlack);
        base::Buffer body(&tight);
        ASSERT_TRUE(body.append(sent.body));
        auto const result =
            gate.open({std::move(body), *query, sent.content_type, "", sent.old_path}, &tight);
        ASSERT_FALSE(result) << sent.body;
        EXPECT_EQ(model::body_text(result.error()), "service unavailable: memory budget exhausted");
        EXPECT_EQ(tight.used(), 0u);
    }
}

// ---- §6.6: the last peel, and decision 27

TEST_F(GateTest, PeelsFormBase64OnOldPaths) {
    EXPECT_EQ(text(form("data=" + to_percent(to_base64(kJson)), "", true)), kJson);
    EXPECT_EQ(text(form("data=" + to_percent(to_base64(kJson)))), to_base64(kJson));
}

TEST_F(GateTest, PeelsOnEveryPathWithABase64HintInQueryOrForm) {
    std::string const data = "data=" + to_percent(to_base64(kJson));
    for (const char* hint : {"compression=base64", "compression=b64", "compression=BASE64"}) {
        EXPECT_EQ(text(form(data, hint)), kJson) << hint;
        EXPECT_EQ(text(form(data + "&" + hint)), kJson) << hint;
        EXPECT_EQ(text(form(data + "&" + hint, "compression=zstd")), kJson) << hint;
    }
    Sent header = form(data);
    header.content_encoding = "base64";
    EXPECT_EQ(text(header), to_base64(kJson));
}

TEST_F(GateTest, PeelsOnlyOnce) {
    std::string const once = to_base64(kJson);
    EXPECT_EQ(text(form("data=" + to_percent(to_base64(once)), "", true)), once);
    // A raw body can be peeled twice: in front of decompression and behind it.
    EXPECT_EQ(text({.body = to_base64(once), .old_path = true}), kJson);
    EXPECT_EQ(text({.body = to_gzip(once), .old_path = true}), kJson);
}

TEST_F(GateTest, KeepsTextThatDoesNotPeelToText) {
    EXPECT_EQ(text(form("data=abc%3Ddefg", "", true)), "abc=defg");
    std::string const binary = to_base64("\xff\xfe\xfd");
    EXPECT_EQ(text(form("data=" + to_percent(binary), "", true)), binary);
    EXPECT_EQ(text({.body = "abcde", .old_path = true}), "abcde");
}

// ---- §6.7: each row

TEST_F(GateTest, Row1RawBase64OfJson) {
    EXPECT_EQ(text({.body = to_base64(kJson)}), kJson);
}

TEST_F(GateTest, Row2RawBase64OfGzip) {
    for (const char* hint : {"", "compression=gzip-js", "compression=base64", "compression=lz64"}) {
        EXPECT_EQ(text({.body = to_base64(to_gzip(kJson)), .query = hint}), kJson) << hint;
    }
}

TEST_F(GateTest, Row3RawGzipWithoutHint) {
    for (const char* type : {"text/plain", "application/json", "",
                             "application/x-www-form-urlencoded; charset=utf-8"}) {
        EXPECT_EQ(text({.body = to_gzip(kJson), .content_type = type}), kJson) << type;
    }
}

TEST_F(GateTest, Row9RawLzStringIsTriedOnTheOriginalText) {
    std::string const packed = to_lz_string(kJson);
    EXPECT_EQ(text({.body = packed, .query = "compression=lz64"}), kJson);
    EXPECT_EQ(wire_bytes_, packed.size());
    EXPECT_EQ(text({.query = "compression=lz64&data=" + to_percent(packed)}), kJson);
    // The same whether or not the text happens to be canonical base64.
    for (std::string const& s :
         {std::string("a"), kJson, kJson + " ", kJson + "  ", kJson + "   "}) {
        EXPECT_EQ(text({.body = to_lz_string(s), .query = "compression=lz-string"}), s);
        EXPECT_EQ(text({.body = to_lz_string(s), .content_encoding = "lz64"}), s);
    }
    // base64 around lz-string text still works, and what is neither gets lz-string's answer.
    EXPECT_EQ(text({.body = to_base64(packed), .query = "compression=lz64"}), kJson);
    EXPECT_EQ(text({.body = to_base64("\xff\xfe\xfd"), .query = "compression=lz64"}),
              "failed to decode request: decompress_lz64: failed decompress to UTF16");
}

TEST_F(GateTest, Row10FormBase64WithAGzipHint) {
    EXPECT_EQ(text(form("data=" + to_percent(to_base64(kJson)), "compression=gzip", true)),
              "failed to decode request: invalid GZIP data");
    EXPECT_EQ(
        text(form("data=" + to_percent(to_base64(to_gzip(kJson))), "compression=gzip-js", true)),
        "failed to decode request: invalid GZIP data");
}

TEST_F(GateTest, Row11QueryBase64WithAPlusThatWasNotEscaped) {
    std::string const bytes = "{\"a\":\"~~~>>>\xC3\xBE\xC3\xBF\"}";
    std::string const encoded = to_base64(bytes);
    ASSERT_THAT(encoded, HasSubstr("+"));
    EXPECT_THAT(text({.query = "data=" + encoded, .old_path = true}), HasSubstr(" "));
    EXPECT_EQ(text({.query = "data=" + to_percent(encoded)}), bytes);
}

TEST_F(GateTest, Row12RawGzipWithAFormType) {
    EXPECT_EQ(text(form(to_gzip(kJson))),
              "failed to decode request: expected form data in POST request payload");
}

TEST_F(GateTest, Row13OtherCodecs) {
    for (std::string const& head :
         {std::string("\x28\xb5\x2f\xfd\x04\x00\x59\x00\x00", 9), std::string("\x8b\x02\x80\xff"),
          std::string("\x78\x9c\xab\x56\x4a\xcd")}) {
        EXPECT_EQ(text({.body = head}),
                  "failed to decode request: invalid UTF8 in request payload");
    }
}

// ---- metrics

TEST_F(GateTest, CountsSizesAndRatios) {
    EXPECT_EQ(text({.body = to_gzip(kJson)}), kJson);
    EXPECT_EQ(probe_.raw_size.count(), 1u);
    EXPECT_EQ(probe_.full_size.count(), 1u);
    EXPECT_EQ(probe_.gzip_ratio.count(), 1u);
    EXPECT_EQ(text(form("data=" + to_percent(to_lz_string(kJson)), "compression=lz64")), kJson);
    EXPECT_EQ(probe_.lz64_ratio.count(), 1u);
    EXPECT_EQ(text({.body = kJson}), kJson);
    EXPECT_EQ(probe_.raw_size.count(), 3u);
    EXPECT_EQ(probe_.full_size.count(), 3u);
    EXPECT_EQ(probe_.gzip_ratio.count(), 1u);
    EXPECT_EQ(probe_.oversize.count(), 0u);
}

TEST_F(GateTest, CountsUndecodablePayloadsByTheirRawSizeOnly) {
    (void)text({.body = "x", .query = "compression=gzip"});
    (void)text({.body = "\xff"});
    EXPECT_EQ(probe_.raw_size.count(), 2u);
    EXPECT_EQ(probe_.full_size.count(), 0u);
    (void)text({});
    (void)text(form(kJson));
    EXPECT_EQ(probe_.raw_size.count(), 2u);
}

TEST_F(GateTest, CountsWhatPassesTheCapByItsKind) {
    (void)text({.body = to_gzip(std::string(2000, ' '))}, 1000);
    EXPECT_EQ(probe_.exceeded_gzip.value(), 1);
    (void)text(form("data=" + to_percent(to_lz_string(std::string(2000, ' '))), "compression=lz64"),
               1000);
    EXPECT_EQ(probe_.exceeded_lz64.value(), 1);
    (void)text({.body = std::string(2000, ' ')}, 1000);
    EXPECT_EQ(probe_.exceeded_none.value(), 1);
    EXPECT_EQ(probe_.oversize.count(), 3u);
    EXPECT_EQ(probe_.full_size.count(), 0u);
}

TEST_F(GateTest, WarnsOfARatioAbove20) {
    auto const logged = [&](std::size_t size, std::string_view pattern) {
        std::string body = {};
        while (body.size() < size)
            body += pattern;
        ::testing::internal::CaptureStdout();
        {
            telemetry::Logger log(telemetry::LogOptions{});
            auto const query = read_query("");
            Gate const gate(kCap, probe_, log);
            base::Buffer buffer(&budget_);
            EXPECT_TRUE(buffer.append(to_gzip(body)));
            EXPECT_TRUE(gate.open({std::move(buffer), *query, "", "", false}, nullptr));
        }
        return ::testing::internal::GetCapturedStdout();
    };
    EXPECT_THAT(logged(100'000, "a"), HasSubstr("Unusual compression ratio"));
    EXPECT_THAT(logged(60, "abcdefghijklmnopqrstuvwxyz"), Not(HasSubstr("ratio")));
}

// ---- §17: the black hole

TEST_F(GateTest, BlackHoleTakesGzipByMagicAndPlainText) {
    EXPECT_EQ(black_hole({.body = kJson}), kJson);
    EXPECT_EQ(black_hole({.body = to_gzip(kJson), .query = "compression=gzip"}), kJson);
    EXPECT_EQ(black_hole({.body = kJson, .query = "compression=gzip"}), kJson);
    EXPECT_EQ(black_hole({.body = to_base64(kJson)}), to_base64(kJson));
    EXPECT_EQ(black_hole({}), "request missing data payload");
    EXPECT_EQ(probe_.test_gzip_found.with({"gzip"}).value(), 1);
    EXPECT_EQ(probe_.test_compression_type.with({"gzip"}).value(), 2);
    EXPECT_EQ(probe_.test_compression_type.with({"none"}).value(), 3);
    EXPECT_EQ(probe_.raw_size.count(), 0u);
}

TEST_F(GateTest, BlackHoleTakesFormsInBase64Only) {
    EXPECT_EQ(black_hole(form("data=" + to_percent(to_base64(kJson)))), kJson);
    EXPECT_EQ(black_hole(form("data=" + to_percent(to_base64(to_gzip(kJson))))), kJson);
    EXPECT_EQ(black_hole(form("data=" + to_percent(kJson))),
              "failed to decode request: invalid base64 in form data");
    EXPECT_EQ(black_hole(form("ver=1")), "request missing data payload");
    EXPECT_EQ(black_hole(form("data=")), "request missing data payload");
    EXPECT_EQ(black_hole(form("data=a&data=b")),
              "failed to decode request: invalid urlencoded form data");
    EXPECT_EQ(probe_.test_content_header_type.with({"form"}).value(), 6);
}

TEST_F(GateTest, BlackHoleCountsItsFailures) {
    EXPECT_EQ(black_hole({.body = "\x1f\x8b\x08"}), "failed to decode request: invalid GZIP data");
    EXPECT_EQ(black_hole({.body = to_gzip("\xff")}), "failed to decode request: invalid gzip data");
    EXPECT_EQ(black_hole({.body = "\xff"}),
              "failed to decode request: invalid UTF8 in request payload");
    EXPECT_EQ(black_hole({.body = to_gzip(std::string(2000, ' '))}, 1000),
              "maximum event size exceeded: Decompressed payload would exceed 1000 bytes (got 2000 "
              "bytes)");
    EXPECT_EQ(probe_.test_gzip_failed.with({"truncated", "none"}).value(), 1);
    EXPECT_EQ(probe_.test_gzip_failed.with({"over_limit", "none"}).value(), 1);
    EXPECT_EQ(probe_.test_utf8_failed.with({"gzip", "none"}).value(), 1);
    EXPECT_EQ(probe_.test_utf8_failed.with({"plain", "none"}).value(), 1);
}

TEST_F(GateTest, BlackHoleNeverMakesALabelOfWhatAClientSays) {
    (void)black_hole(
        {.body = "{}", .query = "compression=surprise", .content_type = "text/surprise"});
    EXPECT_EQ(probe_.test_compression_type.with({"other"}).value(), 1);
    EXPECT_EQ(probe_.test_content_header_type.with({"other"}).value(), 1);
    EXPECT_THAT(registry_.expose(), Not(HasSubstr("surprise")));
}

}  // namespace
}  // namespace capture::decode
