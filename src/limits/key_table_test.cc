#include "limits/key_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace capture::limits {
namespace {

struct Entry {
    std::uint64_t key = 0;
    int level = 0;
};
auto const never = [](const Entry&) { return false; };
auto const by_level = [](const Entry& e) { return static_cast<double>(e.level); };

TEST(KeyTable, FindsWhatWasInsertedAndNothingElse) {
    KeyTable<Entry> table(1000);
    EXPECT_EQ(table.find(5), nullptr);
    std::mt19937_64 random(1);
    std::map<std::uint64_t, int> reference;
    for (int i = 0; i < 1000; ++i) {
        std::uint64_t const key = KeyTable<Entry>::valid(random() & 0xfff0);  // many share a home
        if (table.find(key)) continue;
        table.insert(key, never, by_level).entry->level = i;
        reference[key] = i;
    }
    EXPECT_EQ(table.size(), reference.size());
    for (std::uint64_t key = 1; key < 0x10000; ++key) {
        auto const found = reference.find(key);
        Entry const* entry = table.find(key);
        ASSERT_EQ(entry != nullptr, found != reference.end()) << key;
        if (entry) {
            EXPECT_EQ(entry->level, found->second);
        }
    }
}

TEST(KeyTable, ReplacesTheLowestNeighbourWhenFull) {
    KeyTable<Entry> table(8);
    for (std::uint64_t key = 1; key <= 8; ++key)
        table.insert(key, never, by_level).entry->level = static_cast<int>(key);
    auto const inserted = table.insert(100, never, by_level);
    ASSERT_TRUE(inserted.evicted);
    EXPECT_EQ(inserted.evicted->key, 1u);
    EXPECT_EQ(table.size(), 8u);
    EXPECT_EQ(table.find(1), nullptr);
    EXPECT_NE(table.find(100), nullptr);
    for (std::uint64_t key = 2; key <= 8; ++key)
        EXPECT_NE(table.find(key), nullptr);
}

TEST(KeyTable, PrefersFinishedEntries) {
    KeyTable<Entry> table(4);
    for (std::uint64_t key = 1; key <= 4; ++key)
        table.insert(key, never, by_level).entry->level = static_cast<int>(key);
    auto const inserted = table.insert(9, [](const Entry& e) { return e.key == 3; }, by_level);
    EXPECT_FALSE(inserted.evicted);
    EXPECT_TRUE(inserted.reused);
    EXPECT_EQ(table.find(3), nullptr);
    EXPECT_NE(table.find(1), nullptr);
}

TEST(KeyTable, StaysConsistentUnderConstantReplacement) {
    KeyTable<Entry> table(50);
    std::mt19937_64 random(7);
    for (int i = 0; i < 20'000; ++i) {
        std::uint64_t const key = 1 + random() % 500;
        if (Entry* entry = table.find(key)) {
            ++entry->level;
        } else {
            auto const inserted = table.insert(key, never, by_level);
            inserted.entry->level = inserted.evicted ? inserted.evicted->level + 1 : 1;
        }
        if (i % 1000 == 999) table.remove_if([&](const Entry& e) { return e.key % 7 == 0; });
        ASSERT_LE(table.size(), 50u);
    }
    std::size_t seen = 0;
    table.for_each([&](const Entry& entry) {
        ++seen;
        EXPECT_EQ(table.find(entry.key), &entry);
    });
    EXPECT_EQ(seen, table.size());
}

TEST(KeyTable, GivesMemoryBack) {
    KeyTable<Entry> table(10'000);
    for (std::uint64_t key = 1; key <= 10'000; ++key)
        table.insert(key, never, by_level);
    auto const full = table.memory();
    EXPECT_EQ(table.remove_if([](const Entry& e) { return e.key > 10; }), 9'990u);
    EXPECT_EQ(table.size(), 10u);
    EXPECT_LT(table.memory(), full / 100);
    EXPECT_NE(table.find(10), nullptr);
}

}  // namespace
}  // namespace capture::limits
