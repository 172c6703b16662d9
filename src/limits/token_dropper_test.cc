#include "limits/token_dropper.h"

#include <gtest/gtest.h>

namespace capture::limits {
namespace {

TokenDropper dropper(std::string_view list) {
    return TokenDropper(list, telemetry::Logger::silent());
}
bool drops(const TokenDropper& all, std::string_view token, std::string_view id) {
    auto const* const entry = all.of(token);
    return entry && entry->drops(id);
}

TEST(TokenDropper, DropsNothingByDefault) {
    EXPECT_FALSE(drops(TokenDropper(), "t", "u"));
    EXPECT_TRUE(dropper("").empty());
    EXPECT_TRUE(dropper(" , ,").empty());
    EXPECT_TRUE(dropper(":,::, : ").empty());
}

TEST(TokenDropper, DropsWholeTokensAndSingleIds) {
    auto const d = dropper("a,b:u1,b:u2");
    EXPECT_TRUE(drops(d, "a", "anyone"));
    EXPECT_TRUE(drops(d, "a", ""));
    EXPECT_TRUE(drops(d, "b", "u1"));
    EXPECT_TRUE(drops(d, "b", "u2"));
    EXPECT_FALSE(drops(d, "b", "u3"));
    EXPECT_FALSE(drops(d, "b", ""));
    EXPECT_FALSE(drops(d, "", ""));
    EXPECT_FALSE(drops(d, "A", "x"));
}

TEST(TokenDropper, AWholeTokenWinsInAnyOrder) {
    EXPECT_TRUE(drops(dropper("a:u,a"), "a", "x"));
    EXPECT_TRUE(drops(dropper("a,a:u"), "a", "x"));
}

TEST(TokenDropper, StarAndSemicolonAreOrdinary) {
    EXPECT_FALSE(drops(dropper("a:*"), "a", "x"));
    EXPECT_TRUE(drops(dropper("a:*"), "a", "*"));
    EXPECT_FALSE(drops(dropper("a;b"), "a", "x"));
    EXPECT_TRUE(drops(dropper("a;b"), "a;b", "x"));
}

TEST(TokenDropper, IgnoresFurtherPartsAndKeepsBlanks) {
    EXPECT_TRUE(drops(dropper("a:b:c"), "a", "b"));
    EXPECT_FALSE(drops(dropper("a:b:c"), "a", "b:c"));
    EXPECT_TRUE(drops(dropper(":x"), "x", "any"));
    EXPECT_TRUE(drops(dropper("a: :id"), "a", "id"));
    EXPECT_FALSE(drops(dropper(" a"), "a", "x"));
    EXPECT_TRUE(drops(dropper(" a"), " a", "x"));
}

}  // namespace
}  // namespace capture::limits
