#include "route/escape.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace capture::route {
namespace {

std::string escaped(std::string_view text) {
    base::StringWriter out;
    append_escaped(out, text);
    return out.take();
}

/// One byte at a time, obviously right.
std::string reference(std::string_view text) {
    std::string out;
    for (char const c : text) {
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\b':
                out += "\\b";
                break;
            case '\t':
                out += "\\t";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\f':
                out += "\\f";
                break;
            case '\r':
                out += "\\r";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    char buffer[8];
                    std::snprintf(buffer, sizeof(buffer), "\\u%04x", static_cast<unsigned>(c));
                    out += buffer;
                } else {
                    out += c;
                }
        }
    }
    return out;
}

TEST(Escape, EscapesOnlyQuotesBackslashesAndControls) {
    EXPECT_EQ(escaped("a\"b\\c/d\x7f\xc3\xa9"), "a\\\"b\\\\c/d\x7f\xc3\xa9");
    EXPECT_EQ(escaped(std::string_view("\0\x01\x1f\b\t\n\f\r", 8)),
              "\\u0000\\u0001\\u001f\\b\\t\\n\\f\\r");
    EXPECT_EQ(escaped(""), "");
}

TEST(Escape, AgreesWithTheByteWiseReferenceAtEveryLengthAndDensity) {
    std::mt19937 random(7);
    for (std::size_t length = 0; length < 300; ++length) {
        for (int density : {1, 4, 40}) {
            std::string text(length, 'x');
            for (char& c : text) {
                if (static_cast<int>(random() % 40) < density) c = static_cast<char>(random());
            }
            ASSERT_EQ(escaped(text), reference(text)) << length;
        }
    }
    // One special byte anywhere in a short text.
    for (std::size_t length = 0; length < 80; ++length) {
        ASSERT_EQ(escaped(std::string(length, 'x')), std::string(length, 'x'));
        for (std::size_t at = 0; at < length; ++at) {
            for (char const c :
                 {'"', '\\', '\x1f', '\0', ' ', '!', '#', ']', '\x7f', '\x80', '\xa2', '\xff'}) {
                std::string text(length, 'x');
                text[at] = c;
                ASSERT_EQ(escaped(text), reference(text)) << length << ' ' << at;
            }
        }
    }
    std::string const controls(5000, '\x02');
    EXPECT_EQ(escaped(controls), reference(controls));
}

TEST(Escape, EscapesJsonValuesWithTheirQuotes) {
    for (std::string_view const json :
         {R"("")", R"("plain")", R"("a\"b\\")", "12.5", "null", R"({"a":"b"})", R"(["x"])"}) {
        base::StringWriter out;
        append_escaped_json(out, json);
        EXPECT_EQ(out.take(), reference(json));
    }
}

}  // namespace
}  // namespace capture::route
