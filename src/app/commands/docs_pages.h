// The pages of docs.h and what they share. Private to commands/docs*.cc.
#pragma once

#include <string>
#include <string_view>

namespace capture::app {

std::string options_page();
std::string metrics_page();
std::string errors_page();

/// Text for a cell of a Markdown table.
std::string cell(std::string_view text);
/// The same in back ticks; nothing for nothing.
std::string code(std::string_view text);
std::string page_head(std::string_view title, std::string_view page, std::string_view source);

}  // namespace capture::app
