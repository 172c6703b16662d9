#include "base/uuid.h"

#include <gtest/gtest.h>

#include <string>

namespace capture::base {
namespace {

std::string text(const Uuid& uuid) {
    char out[Uuid::kTextSize];
    uuid.format(out);
    return {out, Uuid::kTextSize};
}

TEST(Uuid, ReadsEveryTextualForm) {
    std::string const canonical = "0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d";
    for (std::string const form :
         {"0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d", "0190F3C2-6B1E-7C6A-9D4E-1F0F2A3B4C5D",
          "0190f3c26b1e7c6a9d4e1f0f2a3b4c5d", "{0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d}",
          "urn:uuid:0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5d"}) {
        auto const uuid = Uuid::parse(form);
        ASSERT_TRUE(uuid) << form;
        EXPECT_EQ(text(*uuid), canonical);
    }
}

TEST(Uuid, RefusesEverythingElse) {
    for (std::string const form :
         {"", "x", "0190f3c2-6b1e-7c6a-9d4e-1f0f2a3b4c5", "0190f3c2x6b1e-7c6a-9d4e-1f0f2a3b4c5d",
          "{0190f3c26b1e7c6a9d4e1f0f2a3b4c5d}", "g190f3c26b1e7c6a9d4e1f0f2a3b4c5d",
          " 0190f3c26b1e7c6a9d4e1f0f2a3b4c5", "0190f3c-26b1e-7c6a-9d4e-1f0f2a3b4c5d"}) {
        EXPECT_FALSE(Uuid::parse(form)) << form;
    }
}

TEST(Uuid, VersionSevenCarriesTheGivenTime) {
    UuidSource source(1);
    Uuid const uuid = source.v7(1'788'264'000'123);
    EXPECT_EQ(uuid.version(), 7);
    EXPECT_EQ(uuid.bytes[8] >> 6, 2);
    EXPECT_EQ(uuid.v7_millis(), 1'788'264'000'123u);
    EXPECT_EQ(source.v7(-5).v7_millis(), 0u);
    EXPECT_NE(source.v7(1), source.v7(1));
}

}  // namespace
}  // namespace capture::base
