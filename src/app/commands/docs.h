// `capture docs options|metrics|errors`: the pages of docs/ that are made from declarations, as
// Markdown on stdout. A test compares them with the files in the repository.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace capture::app {

inline constexpr std::array<std::string_view, 3> kDocsPages{"options", "metrics", "errors"};

/// Empty for an unknown page.
std::string docs_page(std::string_view page);

/// The variables of the environment as plain text, for `--help`.
std::string options_help();

}  // namespace capture::app
