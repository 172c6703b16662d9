// Reads the embedded store while another process (or none) writes to it: `capture tail`, the test
// runner. One thread.
//
//   auto reader = StoreReader::open(path);
//   for (std::int64_t last = 0;;) {
//       auto rows = reader->after(last, 100);            // in order of id
//       for (auto& r : *rows) last = r.id, show(r);
//       if (rows->empty()) wait_until(reader->changed());  // poll, every 100 ms or so
//   }
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace capture::sink {

struct StoredRecord {
    std::int64_t id = 0;  ///< ascends in the order of commits; gaps where retention deleted
    base::Instant time;   ///< when it was submitted, whole milliseconds
    std::string topic;
    std::optional<std::string> key;
    std::vector<std::pair<std::string, std::optional<std::string>>> headers;  ///< wire order
    std::string value;
};

class StoreReader {
  public:
    /// Fails when the file is not there (nothing was ever stored) or is not a store.
    static std::expected<StoreReader, std::string> open(const std::string& path);
    StoreReader(StoreReader&&) noexcept;
    StoreReader& operator=(StoreReader&&) noexcept;
    ~StoreReader();

    /// The oldest `limit` records with an id above `id`; fewer, but at least one, when they are
    /// large.
    std::expected<std::vector<StoredRecord>, std::string> after(std::int64_t id, std::size_t limit);
    /// The newest id; 0 in an empty store. after(last_id() - n) shows the last n.
    std::expected<std::int64_t, std::string> last_id();
    /// Whether anything was committed since the last call. Cheap; does not touch the rows.
    bool changed();
    /// Whether the file was deleted or replaced: open it anew.
    bool moved() const;

  private:
    struct Impl;
    explicit StoreReader(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace capture::sink
