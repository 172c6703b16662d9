// Record headers as the store keeps them: JSON text, `[["token","phc_1"],["session_id",null]]`, in
// wire order. Inside sink/store only.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_writer.h"
#include "model/record.h"

namespace capture::sink::store {

using StoredHeader = std::pair<std::string, std::optional<std::string>>;

void write_headers(base::ByteWriter& out, std::span<const model::RecordHeader> headers);

/// Nothing when the text is not what write_headers() writes.
std::optional<std::vector<StoredHeader>> read_headers(std::string_view json);

}  // namespace capture::sink::store
