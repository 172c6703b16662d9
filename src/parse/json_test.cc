#include "parse/json.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/buffer.h"

namespace capture::parse {
namespace {

/// Text with slack behind it that would mislead a reader that looks too far.
base::Buffer padded(std::string_view text, char filler = '1') {
    base::Buffer buffer;
    std::string const all = std::string(text) + std::string(base::Buffer::kSlack, filler);
    EXPECT_TRUE(buffer.append(all));
    buffer.resize(text.size());
    return buffer;
}

std::string validate(std::string_view text, LoneSurrogates surrogates = LoneSurrogates::Refuse) {
    for (char const filler : {'1', '"', '}', ' ', 'e'}) {
        if (text.size() > 100'000 && filler != '1') break;
        auto const buffer = padded(text, filler);
        JsonCursor json(surrogates);
        json.open(buffer.view());
        json.skip();
        json.finish();
        if (!json.ok()) return json.error();
    }
    return "ok";
}

TEST(Json, AcceptsEveryKindOfValue) {
    for (std::string_view const text :
         {"{}", "[]", "\"\"", "0", "-0", "1", "-1.5e+10", "1E400", "123456789012345678901234567890",
          "true", "false", "null", " [ 1 , 2 ] ", "{\"a\":{\"b\":[]},\"c\":[{}]}",
          "\t\r\n {\"a\" : null}\n", "\"caf\xc3\xa9\"",
          "\"\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\\\"",
          "[\"\\\\\\\\\",\"\\\"\"]"}) {
        EXPECT_EQ(validate(text), "ok") << text;
    }
}

TEST(Json, GivesValuesAsTheClientsBytes) {
    auto const buffer =
        padded(R"( {"a" : 1.50 ,"b":"x\ny" , "c": [ 1, {"d":2} ] , "e":true,"f":{ }})");
    JsonCursor json;
    json.open(buffer.view());
    std::vector<std::string> seen;
    ASSERT_TRUE(json.enter_object());
    JsonText key;
    while (json.next_key(key))
        seen.push_back(std::string(key.text) + "=" + std::string(json.value()));
    json.finish();
    EXPECT_TRUE(json.ok()) << json.error();
    EXPECT_EQ(seen, (std::vector<std::string>{"a=1.50", R"(b="x\ny")", R"(c=[ 1, {"d":2} ])",
                                              "e=true", "f={ }"}));
}

TEST(Json, ReadsTheSameWithAnyBlanksBetweenTokens) {
    std::string const parts[] = {"{", R"("a")", ":",        "[",      "1",      ",",    R"("x\"")",
                                 ",", R"("")",  ",",        "true",   ",",      "{",    "}",
                                 "]", ",",      R"("b\n")", ":",      R"("y")", ",",    R"("")",
                                 ":", "-2.5",   ",",        R"("c")", ":",      "null", "}"};
    for (std::string_view const blanks : {"", " ", "  ", "\n", "\r\n\t  ", "          "}) {
        std::string text;
        for (std::string const& part : parts)
            text.append(blanks).append(part);
        auto const buffer = padded(text, ',');
        JsonCursor json;
        json.open(buffer.view());
        ASSERT_TRUE(json.enter_object());
        std::string seen;
        JsonText key;
        while (json.next_key(key)) {
            seen.append(key.text).append(key.escaped ? "!" : "=");
            if (json.peek() != '[') {
                seen += json.value();
                continue;
            }
            json.enter_array();
            while (json.next_element())
                seen.append(1, json.value().front());
        }
        json.finish();
        EXPECT_TRUE(json.ok()) << json.error();
        EXPECT_EQ(seen, R"(a=1""t{b\n!"y"=-2.5c=null)");
    }
}

TEST(Json, KnowsWhereAContainerEnds) {
    auto const buffer = padded(R"([{"a":[1]} ,{}])");
    JsonCursor json;
    json.open(buffer.view());
    ASSERT_TRUE(json.enter_array());
    ASSERT_TRUE(json.next_element());
    const char* const begin = json.here();
    ASSERT_TRUE(json.enter_object());
    JsonText key;
    ASSERT_TRUE(json.next_key(key));
    json.skip();
    EXPECT_FALSE(json.next_key(key));
    EXPECT_EQ(std::string_view(begin, json.closed()), R"({"a":[1]})");
    ASSERT_TRUE(json.next_element());
    EXPECT_EQ(json.value(), "{}");
    EXPECT_FALSE(json.next_element());
    json.finish();
    EXPECT_TRUE(json.ok());
}

TEST(Json, TellsEscapedStringsFromPlainOnes) {
    auto const buffer = padded(R"({"pl\u0061in":"x","b":"\ud83d\ude00\n\u0000z","c":"y"})");
    JsonCursor json;
    base::Arena arena;
    json.open(buffer.view());
    ASSERT_TRUE(json.enter_object());
    JsonText key;
    ASSERT_TRUE(json.next_key(key));
    EXPECT_TRUE(key.escaped);
    EXPECT_EQ(key.plain(arena), "plain");
    JsonText const plain = json.string();
    EXPECT_FALSE(plain.escaped);
    EXPECT_EQ(plain.plain(arena).data(), plain.text.data());
    EXPECT_EQ(plain.raw(), "\"x\"");
    ASSERT_TRUE(json.next_key(key));
    EXPECT_FALSE(key.escaped);
    EXPECT_EQ(json.string().plain(arena), std::string_view("\xf0\x9f\x98\x80\n\0z", 7));
    ASSERT_TRUE(json.next_key(key));
    EXPECT_FALSE(json.string().escaped);
}

TEST(Json, NestsAsDeepAsTheLimit) {
    std::string const most = std::string(128, '[') + std::string(128, ']');
    EXPECT_EQ(validate(most), "ok");
    std::string objects;
    for (int i = 0; i < 128; ++i)
        objects += "{\"a\":";
    EXPECT_EQ(validate(objects + "1" + std::string(128, '}')), "ok");
}

TEST(Json, AllowsLoneSurrogatesWhereAsked) {
    EXPECT_EQ(validate(R"(["\ud800","\udc00x","\ud800\ud800","\ud800\n"])", LoneSurrogates::Allow),
              "ok");
    base::Arena arena;
    EXPECT_EQ((JsonText{R"(\ud800x\udc00)", true}.plain(arena)), "\xef\xbf\xbdx\xef\xbf\xbd");
}

TEST(Json, CanBeReusedAfterAnError) {
    JsonCursor json;
    auto const bad = padded("[1,");
    auto const good = padded("[1]");
    json.open(bad.view());
    json.skip();
    EXPECT_FALSE(json.ok());
    json.open(good.view());
    json.skip();
    json.finish();
    EXPECT_TRUE(json.ok());
}

/// A text far above one window, in which `element` repeats.
std::string repeated(std::string_view element, std::size_t size) {
    std::string text = "[";
    while (text.size() < size) {
        text += element;
        text += ',';
    }
    text += "null]";
    return text;
}

TEST(Json, ReadsTextsOfManyWindows) {
    constexpr std::size_t kSize = 3'300'000;
    for (std::string_view const element :
         {R"({"a":"x\"y\\","b":[1,2,{"c":"\\\\"}],"caf\u00e9":"\"\"\""})",
          R"("plain [,] {:} text")", "12345", "[]", R"({ "k" : "\\" , "l" : " \\\" , [" })",
          "\"caf\xc3\xa9 \xf0\x9f\x98\x80\"", "\n\n  true\t"}) {
        EXPECT_EQ(validate(repeated(element, kSize)), "ok") << element;
    }
}

TEST(Json, FindsTheWindowsEndWhereverItFalls) {
    std::string const body =
        repeated("{\"a\":\"x\\\\\",\"b , c\":\"\\\"[{\\\\\\\"}\",\"\\\\\":[12,true]}", 1'060'000);
    for (std::size_t shift = 0; shift < 40; ++shift) {
        ASSERT_EQ(validate(std::string(shift, ' ') + body), "ok") << shift;
    }
}

TEST(Json, ReadsStringsAndBlanksLongerThanAWindow) {
    std::string const huge(3'000'000, 'x');
    EXPECT_EQ(validate("[\"" + huge + "\",1]"), "ok");
    std::string escaped;
    for (int i = 0; i < 700'000; ++i)
        escaped += "\\\"ab";
    EXPECT_EQ(validate("{\"" + escaped + "\":\"" + escaped + "\"}"), "ok");
    EXPECT_EQ(validate("[" + std::string(3'000'000, ' ') + "1]"), "ok");
    EXPECT_EQ(validate("[" + std::string(3'000'000, '7') + "]"), "ok");
}

TEST(Json, SlicesSpanWindows) {
    std::string const inner = repeated(R"({"a":"x\"y"})", 2'500'000);
    auto const buffer = padded("{\"before\":1,\"big\":" + inner + ",\"after\":\"z\"}");
    JsonCursor json;
    json.open(buffer.view());
    ASSERT_TRUE(json.enter_object());
    JsonText key;
    ASSERT_TRUE(json.next_key(key));
    json.skip();
    ASSERT_TRUE(json.next_key(key));
    EXPECT_EQ(json.value(), inner);
    ASSERT_TRUE(json.next_key(key));
    EXPECT_EQ(key.text, "after");
    EXPECT_EQ(json.string().text, "z");
    EXPECT_FALSE(json.next_key(key));
    json.finish();
    EXPECT_TRUE(json.ok());
}

}  // namespace
}  // namespace capture::parse
