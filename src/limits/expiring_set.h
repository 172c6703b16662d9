// A bounded set of texts that forget themselves after a fixed time. Any thread; a look-up takes one
// short lock of one of its shards.
//
// When full, the oldest entry goes. 116 bytes per entry measured for texts of 37 bytes.
#pragma once

#include <absl/container/node_hash_map.h>

#include <array>
#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "limits/text_hash.h"

namespace capture::limits {

class ExpiringSet {
  public:
    using Time = std::chrono::steady_clock::time_point;

    ExpiringSet(std::size_t max_entries, std::chrono::seconds lifetime)
        : per_shard_((max_entries + kShards - 1) / kShards), lifetime_(lifetime) {
        for (Shard& shard : shards_)
            shard.entries = Entries(0, TextHash{key_});
    }

    bool contains(std::string_view text, Time now) const {
        const Shard& shard = shard_of(text);
        std::lock_guard lock(shard.mutex);
        auto const found = shard.entries.find(text);
        return found != shard.entries.end() && found->second > now;
    }
    /// An entry that is still there keeps its time.
    void insert(std::string_view text, Time now) {
        if (per_shard_ == 0 || lifetime_.count() == 0) return;
        Shard& shard = shard_of(text);
        std::lock_guard lock(shard.mutex);
        // All live equally long, so the order of entry is the order of expiry.
        while (!shard.order.empty() && shard.order.front()->second <= now)
            shard.remove_oldest();
        auto const [entry, fresh] = shard.entries.try_emplace(text, now + lifetime_);
        if (!fresh) return;
        shard.order.push_back(&*entry);
        while (shard.entries.size() > per_shard_)
            shard.remove_oldest();
    }
    std::size_t size() const {
        std::size_t sum = 0;
        for (const Shard& shard : shards_) {
            std::lock_guard lock(shard.mutex);
            sum += shard.entries.size();
        }
        return sum;
    }

  private:
    static constexpr std::size_t kShards = 16;
    using Entries = absl::node_hash_map<std::string, Time, TextHash, TextEqual>;

    struct alignas(64) Shard {
        mutable std::mutex mutex;
        Entries entries;
        std::deque<const Entries::value_type*> order;

        void remove_oldest() {
            std::string_view const oldest = order.front()->first;
            order.pop_front();
            entries.erase(entries.find(oldest));
        }
    };

    const Shard& shard_of(std::string_view text) const {
        return shards_[hash_text(text, key_) >> 60];
    }
    Shard& shard_of(std::string_view text) { return shards_[hash_text(text, key_) >> 60]; }

    const HashKey key_ = HashKey::random();
    std::array<Shard, kShards> shards_;
    const std::size_t per_shard_;
    const std::chrono::seconds lifetime_;
};

}  // namespace capture::limits
