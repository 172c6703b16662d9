// Inflates gzip with the cap checked while output is produced. Contract 10 §6.5.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/buffer.h"
#include "decode/codec.h"

namespace capture::decode {

/// Whether `bytes` starts as a gzip member with deflate does: 1f 8b 08.
bool starts_like_gzip(std::string_view bytes);

/// Replaces the content of `out` by the first member of `in`, checksum verified; bytes after it are
/// ignored. Memory grows with the output (never taken from the member's trailer) and stays below
/// `cap` plus one read of 8 KiB.
///
/// Ok: out.size() is at most `cap`. OverLimit: out.size() is the running total, counted in reads of
/// 8 KiB, at the read that passed the cap. Corrupt, Truncated, NoMemory: the content of `out` means
/// nothing.
CodecStatus gunzip(std::string_view in, std::size_t cap, base::Buffer& out);

}  // namespace capture::decode
