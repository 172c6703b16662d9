#include "route/envelope.h"

#include <gtest/gtest.h>
#include <lz4.h>

#include <string>

namespace capture::route {
namespace {

std::string opened(std::string_view envelope) {
    EXPECT_GE(envelope.size(), 4u);
    std::size_t size = 0;
    for (std::size_t i = 4; i-- > 0;)
        size = size << 8 | static_cast<unsigned char>(envelope[i]);
    std::string value(size, '\0');
    int const got =
        LZ4_decompress_safe(envelope.data() + 4, value.data(),
                            static_cast<int>(envelope.size() - 4), static_cast<int>(value.size()));
    EXPECT_EQ(got, static_cast<int>(size));
    return value;
}

TEST(Envelope, HoldsLengthAndOneBlock) {
    std::string random;
    std::uint32_t state = 1;
    for (int i = 0; i < 300'000; ++i)
        random += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    for (std::string const& value :
         {std::string(), std::string("{}"), std::string(1'000'000, 'a'), random}) {
        base::StringWriter out;
        out.append("before");
        write_envelope(out, value);
        std::string const written = out.take();
        EXPECT_LE(written.size(), 6 + envelope_bound(value.size()));
        EXPECT_EQ(opened(std::string_view(written).substr(6)), value);
    }
}

TEST(Envelope, CannotHoldWhatLz4CannotCount) {
    EXPECT_GT(envelope_bound(LZ4_MAX_INPUT_SIZE), std::size_t{LZ4_MAX_INPUT_SIZE});
    EXPECT_EQ(envelope_bound(std::size_t{LZ4_MAX_INPUT_SIZE} + 1), 0u);
}

}  // namespace
}  // namespace capture::route
