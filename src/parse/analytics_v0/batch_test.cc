#include "parse/analytics_v0/fixture.h"

namespace capture::parse::analytics_v0 {
namespace {

class RequestToken : public AnalyticsFixture {
  protected:
    /// The token, or the body of the refusal.
    std::string token_of(std::string_view text) {
        auto batch = read(text);
        if (!batch) return model::body_text(batch.error());
        EXPECT_TRUE(drop_performance_events(*batch));
        auto const token = request_token(*batch);
        return token ? std::string(*token) : model::body_text(token.error());
    }
};

constexpr const char* kNone = "event submitted without an api_key";
constexpr const char* kMany = "batch submitted with inconsistent api_key values";

TEST_F(RequestToken, IsTheBatchsOwn) {
    EXPECT_EQ(
        token_of(
            R"({"token":"t","batch":[{"event":"a","token":"x"},{"event":"b","properties":{"token":"y"}}]})"),
        "t");
}

TEST_F(RequestToken, OfOneEventIsTopLevelElseFromProperties) {
    EXPECT_EQ(token_of(R"({"event":"a","token":"x","properties":{"token":"y"}})"), "x");
    EXPECT_EQ(token_of(R"({"event":"a","properties":{"token":"y"}})"), "y");
    EXPECT_EQ(token_of(R"([{"event":"a","properties":{"token":"y"}}])"), "y");
    EXPECT_EQ(token_of(R"({"event":"a","properties":{"token":5}})"), kNone);
    EXPECT_EQ(token_of(R"({"event":"a","properties":{"api_key":"y"}})"), kNone);
    EXPECT_EQ(token_of(R"({"event":"a"})"), kNone);
}

TEST_F(RequestToken, OfSeveralEventsMustAgree) {
    EXPECT_EQ(
        token_of(
            R"([{"event":"a","token":"x"},{"event":"b"},{"event":"c","properties":{"token":"x"}}])"),
        "x");
    EXPECT_EQ(token_of(R"([{"event":"a","token":"x"},{"event":"b","token":"y"}])"), kMany);
    EXPECT_EQ(token_of(R"([{"event":"a","token":"x"},{"event":"b","token":""}])"), kMany);
    EXPECT_EQ(token_of(R"([{"event":"a"},{"event":"b"}])"), kNone);
    EXPECT_EQ(token_of(R"([{"event":"a","token":" x"},{"event":"b","token":"x\t"}])"), "x");
}

TEST_F(RequestToken, IsComparedAfterPerformanceEventsAreGone) {
    EXPECT_EQ(token_of(R"([{"event":"a","token":"x"},{"event":"$performance_event","token":"y"}])"),
              "x");
}

TEST_F(RequestToken, IsTrimmed) {
    EXPECT_EQ(token_of(R"({"event":"a","token":" \t phc_x\n\u00a0\u2003"})"), "phc_x");
    std::string const full(64, 'a');
    EXPECT_EQ(token_of(R"({"event":"a","token":"  )" + full + R"( "})"), full);
}

TEST_F(RequestToken, NeedsNoPrefix) {
    EXPECT_EQ(token_of(R"({"event":"a","token":"0"})"), "0");
}

TEST_F(RequestToken, ErrorsNameTheReason) {
    auto const reason = [this](std::string_view token) {
        std::string const text = token_of(R"({"event":"a","token":")" + std::string(token) + "\"}");
        std::string const prefix = "API key is not valid: ";
        EXPECT_EQ(text.substr(0, prefix.size()), prefix) << text;
        return text.substr(std::min(text.size(), prefix.size()));
    };
    EXPECT_EQ(reason(""), "empty");
    EXPECT_EQ(reason(" \\n\\u3000"), "empty");
    EXPECT_EQ(reason(std::string(65, 'a')), "too_long");
    EXPECT_EQ(reason(std::string(33, 'a') + std::string(32, 'b')), "too_long");
    EXPECT_EQ(reason("t\xc3\xa9"), "not_ascii");
    EXPECT_EQ(reason("phx_abc"), "personal_api_key");
    EXPECT_EQ(reason("a\\u0000b"), "null_byte");
    // The order of the checks.
    EXPECT_EQ(reason("phx_\xc3\xa9"), "not_ascii");
    EXPECT_EQ(reason("phx_\\u0000"), "personal_api_key");
    EXPECT_EQ(reason("phx_\xc3\xa9" + std::string(64, 'a')), "too_long");
}

}  // namespace
}  // namespace capture::parse::analytics_v0
