// The form wrapper around a payload. Contract 10 §6.3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/buffer.h"

namespace capture::decode {

/// The only Content-Type that means a form; a charset suffix or another spelling does not.
inline constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

/// Whether one of `data=`, `_=`, `ip=`, `compression=` stands at the start, or behind an `&`, of
/// the first 128 bytes.
bool looks_like_form(std::string_view payload);

enum class FormStatus : std::uint8_t {
    Ok,
    DuplicateField,  ///< `data` or `compression` is there twice
    NoMemory,        ///< the budget refuses
};

struct FormFields {
    bool has_data = false;  ///< then the payload now is the value of `data`, valid UTF-8
    std::optional<std::string> compression;  ///< cut after 64 bytes: no known value is longer
};

/// Takes the form off `payload`: its content becomes the decoded value of `data`, in place. Without
/// a `data` field it stays as it is.
FormStatus unwrap_form(base::Buffer& payload, FormFields& fields);

}  // namespace capture::decode
