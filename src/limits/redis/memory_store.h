// A Redis in memory, with the commands that the limiters use, and with failures on demand. For
// tests, benchmarks and fuzzers. Single-threaded.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "limits/redis/store.h"

namespace capture::limits::redis {

class MemoryStore final : public Store {
  public:
    base::Task<Result<Replies>> run(Commands commands,
                                    std::chrono::milliseconds timeout = kDefaultTimeout) override;
    /// What a server would answer to one command, given as an array of texts.
    Reply answer(const Reply& command);

    void set(std::string key, std::string value) { texts_[std::move(key)] = std::move(value); }
    void erase(const std::string& key) { texts_.erase(key), sets_.erase(key); }
    void add_member(const std::string& key, std::string member, double score) {
        sets_[key][std::move(member)] = score;
    }
    const std::string* find(const std::string& key) const;
    std::size_t size() const { return texts_.size(); }
    std::int64_t expiry(const std::string& key) const;

    /// Every run() fails with this until reset.
    std::optional<Failure> failing;
    /// The same for what only reads, and for the rest.
    std::optional<Failure> failing_reads, failing_writes;
    /// Commands are carried out, and nobody hears of it.
    bool losing_replies = false;
    /// A command on this key is answered with an error.
    std::string refused_key;
    std::uint64_t runs = 0;

  private:
    std::map<std::string, std::string, std::less<>> texts_;
    std::map<std::string, std::int64_t> expiries_;
    std::map<std::string, std::map<std::string, double>> sets_;
};

}  // namespace capture::limits::redis
