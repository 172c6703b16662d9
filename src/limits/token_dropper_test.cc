#include "limits/token_dropper.h"

#include <gtest/gtest.h>

namespace capture::limits {
namespace {

TokenDropper dropper(std::string_view list) {
    return TokenDropper(list, telemetry::Logger::silent());
}

TEST(TokenDropper, DropsNothingByDefault) {
    EXPECT_FALSE(TokenDropper().drops("t", "u"));
    EXPECT_TRUE(dropper("").empty());
    EXPECT_TRUE(dropper(" , ,").empty());
    EXPECT_TRUE(dropper(":,::, : ").empty());
}

TEST(TokenDropper, DropsWholeTokensAndSingleIds) {
    auto const d = dropper("a,b:u1,b:u2");
    EXPECT_TRUE(d.drops("a", "anyone"));
    EXPECT_TRUE(d.drops("a", ""));
    EXPECT_TRUE(d.drops("b", "u1"));
    EXPECT_TRUE(d.drops("b", "u2"));
    EXPECT_FALSE(d.drops("b", "u3"));
    EXPECT_FALSE(d.drops("b", ""));
    EXPECT_FALSE(d.drops("", ""));
    EXPECT_FALSE(d.drops("A", "x"));
}

TEST(TokenDropper, AWholeTokenWinsInAnyOrder) {
    EXPECT_TRUE(dropper("a:u,a").drops("a", "x"));
    EXPECT_TRUE(dropper("a,a:u").drops("a", "x"));
}

TEST(TokenDropper, StarAndSemicolonAreOrdinary) {
    EXPECT_FALSE(dropper("a:*").drops("a", "x"));
    EXPECT_TRUE(dropper("a:*").drops("a", "*"));
    EXPECT_FALSE(dropper("a;b").drops("a", "x"));
    EXPECT_TRUE(dropper("a;b").drops("a;b", "x"));
}

TEST(TokenDropper, IgnoresFurtherPartsAndKeepsBlanks) {
    EXPECT_TRUE(dropper("a:b:c").drops("a", "b"));
    EXPECT_FALSE(dropper("a:b:c").drops("a", "b:c"));
    EXPECT_TRUE(dropper(":x").drops("x", "any"));
    EXPECT_TRUE(dropper("a: :id").drops("a", "id"));
    EXPECT_FALSE(dropper(" a").drops("a", "x"));
    EXPECT_TRUE(dropper(" a").drops(" a", "x"));
}

}  // namespace
}  // namespace capture::limits
