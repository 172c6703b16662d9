#include <gtest/gtest.h>

#include <string>

#include "base/buffer.h"
#include "parse/json.h"

namespace capture::parse {
namespace {

std::string problem(std::string_view text) {
    std::string first;
    for (char const filler : {'1', '"', ']', 'l', '\\'}) {
        if (text.size() > 100'000 && filler != '1') break;
        base::Buffer buffer;
        std::string const all = std::string(text) + std::string(base::Buffer::kSlack, filler);
        EXPECT_TRUE(buffer.append(all));
        buffer.resize(text.size());
        JsonCursor json;
        json.open(buffer.view());
        json.skip();
        json.finish();
        std::string const found = json.ok() ? "ok" : json.error();
        if (first.empty()) first = found;
        EXPECT_EQ(found, first) << "depends on what lies behind the text: " << text;
    }
    return first;
}

TEST(JsonErrors, SayWhatAndWhere) {
    EXPECT_EQ(problem(""), "unexpected end of text at line 1 column 1");
    EXPECT_EQ(problem("  \n "), "unexpected end of text at line 2 column 2");
    EXPECT_EQ(problem("{\"a\":1,\n \"b\" 2}"), "expected `:` at line 2 column 6");
    EXPECT_EQ(problem("[1 2]"), "expected `,` or `]` at line 1 column 4");
    EXPECT_EQ(problem("{\"a\":1 \"b\":2}"), "expected `,` or `}` at line 1 column 8");
    EXPECT_EQ(problem("{1:2}"), "key must be a string at line 1 column 2");
    EXPECT_EQ(problem("{\"a\":1,}"), "key must be a string at line 1 column 8");
    EXPECT_EQ(problem("[1,]"), "expected value at line 1 column 4");
    EXPECT_EQ(problem("[1,"), "unexpected end of text at line 1 column 4");
    EXPECT_EQ(problem("{\"a\":1"), "unexpected end of text at line 1 column 7");
    EXPECT_EQ(problem("{\"a\""), "unexpected end of text at line 1 column 5");
    EXPECT_EQ(problem("{} x"), "trailing characters at line 1 column 4");
    EXPECT_EQ(problem("{}{}"), "trailing characters at line 1 column 3");
    EXPECT_EQ(problem("\xef\xbb\xbf{}"), "expected value at line 1 column 1");
    EXPECT_EQ(problem("\"abc"), "unexpected end of text in a string at line 1 column 5");
    EXPECT_EQ(problem("[\"abc\\\"]"), "unexpected end of text in a string at line 1 column 9");
    EXPECT_EQ(problem("[\"a\nb\"]"), "control character in a string at line 1 column 4");
    EXPECT_EQ(problem("[\"\\x\"]"), "invalid escape at line 1 column 3");
    EXPECT_EQ(problem("[\"\\ud800\"]"), "lone surrogate or bad \\u escape at line 1 column 3");
}

TEST(JsonErrors, RefuseBadNumbers) {
    for (std::string_view const text : {"01",    "-",   "+1", ".5",    "1.",      "1e",       "1e+",
                                        "1.e1",  "0x1", "1a", "--1",   "1.2.3",   "Infinity", "NaN",
                                        "1_000", "-01", "00", "1e1.5", "12\"a\"", "1\\u0030"}) {
        EXPECT_NE(problem(text), "ok") << text;
        EXPECT_NE(problem("[" + std::string(text) + "]"), "ok") << text;
        EXPECT_NE(problem("{\"a\":" + std::string(text) + "}"), "ok") << text;
    }
}

TEST(JsonErrors, RefuseBadLiteralsAndLooseEnds) {
    for (std::string_view const text : {"tru",
                                        "truee",
                                        "nul",
                                        "nulll",
                                        "False",
                                        "fals",
                                        "true\"x\"",
                                        "'a'",
                                        "undefined",
                                        "[,1]",
                                        "[1,,2]",
                                        "{,}",
                                        "{\"a\"}",
                                        "{\"a\":}",
                                        "{\"a\":1:2}",
                                        "[1}",
                                        "{\"a\":1]",
                                        "]",
                                        "}",
                                        ",",
                                        ":",
                                        "\"a\"\"b\"",
                                        "\"a\"b",
                                        "[\"a\"b]",
                                        "{\"a\"\"b\":1}",
                                        "\\",
                                        "[\\\"a\"]",
                                        "/*x*/1",
                                        "[1]//",
                                        "\x01",
                                        "[\x00]",
                                        "\xc3\xa9",
                                        "{\"a\":1}\xc3\xa9"}) {
        EXPECT_NE(problem(text), "ok") << text;
    }
    EXPECT_NE(problem(std::string_view("\0", 1)), "ok");
    EXPECT_NE(problem(std::string_view("[1,\0]", 5)), "ok");
    EXPECT_NE(problem(std::string_view("{}\0", 3)), "ok");
}

TEST(JsonErrors, RefuseBadEscapesAndSurrogates) {
    for (std::string_view const inner :
         {"\\u12", "\\u12g4", "\\u", "\\ud800\\u0041", "\\ud800x", "\\udc00", "\\ud83d\\ud83d",
          "\\ude00\\ud83d", "\\a", "\\0", "\\'", "\\ud83d\\\\ude00", "\\U0041"}) {
        EXPECT_NE(problem("[\"" + std::string(inner) + "\"]"), "ok") << inner;
        EXPECT_NE(problem("{\"" + std::string(inner) + "\":1}"), "ok") << inner;
        EXPECT_NE(problem("\"" + std::string(inner) + "\""), "ok") << inner;
    }
}

TEST(JsonErrors, RefuseDeepNestingWithoutDeepStacks) {
    EXPECT_EQ(problem(std::string(129, '[') + std::string(129, ']')),
              "nesting limit exceeded at line 1 column 129");
    EXPECT_NE(problem(std::string(100'000, '[')), "ok");
    EXPECT_NE(problem(std::string(3'000'000, '[')), "ok");
    std::string objects;
    for (int i = 0; i < 100'000; ++i)
        objects += "{\"a\":";
    EXPECT_NE(problem(objects), "ok");
}

TEST(JsonErrors, AreFoundBehindTheFirstWindow) {
    std::string text = "[";
    while (text.size() < 2'500'000)
        text += "{\"a\":\"b\\\"c\"},\n";
    EXPECT_EQ(problem(text + "\"\x1f\"]").substr(0, 17), "control character");
    EXPECT_EQ(problem(text + "01]").substr(0, 14), "invalid number");
    EXPECT_EQ(problem(text + "\"\\x\"]").substr(0, 14), "invalid escape");
    EXPECT_EQ(problem(text + "1").substr(0, 22), "unexpected end of text");
    EXPECT_EQ(problem(text + "\"x").substr(0, 34), "unexpected end of text in a string");
}

TEST(JsonErrors, KeepTheFirstAndStopEverything) {
    base::Buffer buffer;
    ASSERT_TRUE(buffer.append("[1,x,{\"a\":2}]"));
    JsonCursor json;
    json.open(buffer.view());
    ASSERT_TRUE(json.enter_array());
    ASSERT_TRUE(json.next_element());
    json.skip();
    ASSERT_TRUE(json.next_element());
    EXPECT_EQ(json.value(), "");
    std::string const first = json.error();
    JsonText key;
    EXPECT_FALSE(json.next_element());
    EXPECT_FALSE(json.enter_object());
    EXPECT_FALSE(json.next_key(key));
    EXPECT_EQ(json.string().raw(), "\"\"");
    EXPECT_EQ(json.peek(), '\0');
    json.skip();
    json.finish();
    EXPECT_EQ(json.error(), first);
}

TEST(JsonErrors, TypeMismatchesAreErrorsOfTheCaller) {
    base::Buffer buffer;
    ASSERT_TRUE(buffer.append("[1]"));
    JsonCursor json;
    json.open(buffer.view());
    EXPECT_FALSE(json.enter_object());
    EXPECT_EQ(json.error(), "expected an object at line 1 column 1");
}

}  // namespace
}  // namespace capture::parse
