// The envelope of replay records: their JSON compressed with LZ4. Contract 20 §10.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/byte_writer.h"

namespace capture::route {

/// What an envelope of so many bytes takes at most; 0 when it cannot be made (2 GB and more).
std::size_t envelope_bound(std::size_t bytes);

/// Appends four bytes, little-endian: the value's length, and one LZ4 block of the value, whose
/// envelope_bound() is not 0.
void write_envelope(base::ByteWriter& out, std::string_view value);

}  // namespace capture::route
