// A bounded hash table from 64-bit keyed hashes to small fixed entries; one shard of a limiter's
// state. Not thread-safe: the owner locks.
//
// It grows by doubling until `max_entries`. Then a new key replaces one of up to 16 neighbours: a
// finished one if there is one, else the one of lowest rank, which the caller gets back so that the
// new key can inherit its level. With that rule (the one of the space-saving algorithm) nobody
// gains by rotating keys: a key that was pushed out comes back with at least the level it had.
//
// Linear probing at most 3/4 full: entries take sizeof(Entry) × 1.33 … 2.67 bytes each, in large
// tables rounded up to huge pages.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "limits/large_pages.h"

namespace capture::limits {

/// Entry: a trivially copyable struct with `std::uint64_t key`, 0 = empty slot.
template <typename Entry>
class KeyTable {
  public:
    explicit KeyTable(std::size_t max_entries = 1) : max_entries_(max_entries ? max_entries : 1) {}

    /// 0 is not a valid key.
    static std::uint64_t valid(std::uint64_t hash) { return hash ? hash : 1; }

    Entry* find(std::uint64_t key) {
        if (slots_.empty()) return nullptr;
        for (std::size_t i = key & mask_;; i = (i + 1) & mask_) {
            if (slots_[i].key == key) return &slots_[i];
            if (slots_[i].key == 0) return nullptr;
        }
    }

    struct Inserted {
        Entry* entry;                  ///< only `key` is set, the rest is as Entry{} makes it
        std::optional<Entry> evicted;  ///< what had to go although it was not finished
        bool reused = false;           ///< a finished one went
    };
    /// `key` must be absent. `finished(entry)` says that an entry holds nothing worth keeping;
    /// `rank(entry)` orders the others. Pointers from before are invalid afterwards.
    template <typename Finished, typename Rank>
    Inserted insert(std::uint64_t key, Finished finished, Rank rank) {
        Inserted result{};
        if (size_ >= max_entries_) {
            make_room(key, finished, rank, result);
        } else if ((size_ + 1) * 4 > slots_.size() * 3) {
            resize(slots_.empty() ? 8 : slots_.size() * 2);
        }
        std::size_t i = key & mask_;
        while (slots_[i].key != 0)
            i = (i + 1) & mask_;
        slots_[i] = Entry{};
        slots_[i].key = key;
        ++size_;
        result.entry = &slots_[i];
        return result;
    }

    template <typename F>
    void for_each(F visit) const {
        for (const Entry& entry : slots_) {
            if (entry.key != 0) visit(entry);
        }
    }

    /// Returns how many went. Gives memory back when few are left.
    template <typename Finished>
    std::size_t remove_if(Finished finished) {
        std::size_t gone = 0;
        for (Entry& entry : slots_) {
            if (entry.key == 0 || !finished(entry)) continue;
            ++gone;
        }
        if (gone == 0) return 0;
        Slots old = std::move(slots_);
        std::size_t const left = size_ - gone;
        std::size_t capacity = 8;
        while (left * 4 > capacity * 3)
            capacity *= 2;
        slots_.assign(left ? capacity : 0, Entry{});
        mask_ = slots_.empty() ? 0 : slots_.size() - 1;
        size_ = left;
        for (const Entry& entry : old) {
            if (entry.key != 0 && !finished(entry)) place(entry);
        }
        return gone;
    }

    const Entry* slots() const { return slots_.data(); }
    std::size_t mask() const { return mask_; }
    std::size_t size() const { return size_; }
    std::size_t memory() const { return LargePages<Entry>::bytes(slots_.capacity()); }

  private:
    using Slots = std::vector<Entry, LargePages<Entry>>;
    static constexpr std::size_t kNeighbours = 16;

    void place(const Entry& entry) {
        std::size_t i = entry.key & mask_;
        while (slots_[i].key != 0)
            i = (i + 1) & mask_;
        slots_[i] = entry;
    }

    void resize(std::size_t capacity) {
        Slots old(capacity, Entry{});
        old.swap(slots_);
        mask_ = capacity - 1;
        for (const Entry& entry : old) {
            if (entry.key != 0) place(entry);
        }
    }

    template <typename Finished, typename Rank>
    void make_room(std::uint64_t key, Finished& finished, Rank& rank, Inserted& result) {
        std::size_t worst = slots_.size();
        double lowest = 0;
        std::size_t seen = 0;
        for (std::size_t step = 0; step < slots_.size() && seen < kNeighbours; ++step) {
            std::size_t const i = (key + step) & mask_;
            const Entry& entry = slots_[i];
            if (entry.key == 0) continue;
            ++seen;
            if (finished(entry)) {
                erase(i);
                result.reused = true;
                return;
            }
            double const level = rank(entry);
            if (worst == slots_.size() || level < lowest) {
                worst = i;
                lowest = level;
            }
        }
        result.evicted = slots_[worst];
        erase(worst);
    }

    /// Closes the gap so that probing still finds what follows.
    void erase(std::size_t hole) {
        --size_;
        for (std::size_t i = (hole + 1) & mask_; slots_[i].key != 0; i = (i + 1) & mask_) {
            std::size_t const home = slots_[i].key & mask_;
            if (((i - home) & mask_) >= ((i - hole) & mask_)) {
                slots_[hole] = slots_[i];
                hole = i;
            }
        }
        slots_[hole].key = 0;
    }

    Slots slots_;
    std::size_t mask_ = 0;
    std::size_t size_ = 0;
    std::size_t max_entries_;
};

/// Where a table's slots are, readable without its lock and perhaps outdated: good enough to fetch
/// a key's cache lines before they are needed, which is most of the price of a table beyond the
/// cache.
class SlotHint {
  public:
    /// After every insert() or remove_if(), under the table's lock.
    template <typename Entry>
    void follow(const KeyTable<Entry>& table) {
        auto const address = reinterpret_cast<std::uintptr_t>(table.slots());
        if (address == address_.load(std::memory_order_relaxed)) return;
        address_.store(address, std::memory_order_relaxed);
        mask_.store(table.mask(), std::memory_order_relaxed);
    }
    template <typename Entry>
    void prefetch(std::uint64_t key) const {
        std::uintptr_t const address = address_.load(std::memory_order_relaxed);
        if (address == 0) return;
        std::size_t const slot = key & mask_.load(std::memory_order_relaxed);
        auto const* const at = reinterpret_cast<const char*>(address + slot * sizeof(Entry));
        __builtin_prefetch(at, 1);
        __builtin_prefetch(at + sizeof(Entry) - 1, 1);
    }

  private:
    std::atomic<std::uintptr_t> address_{0};
    std::atomic<std::size_t> mask_{0};
};

}  // namespace capture::limits
