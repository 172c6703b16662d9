#include "app/commands/docs.h"

#include "app/commands/docs_pages.h"
#include "model/drop_reason.h"
#include "model/error.h"
#include "pipeline/warnings.h"

namespace capture::app {

std::string cell(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '|') out += '\\';
        out += c;
    }
    return out;
}

std::string code(std::string_view text) {
    return text.empty() ? "" : "`" + cell(text) + "`";
}

std::string page_head(std::string_view title, std::string_view page, std::string_view source) {
    return "# " + std::string(title) + "\n\n<!-- Made by `capture docs " + std::string(page) +
           "` from " + std::string(source) + "; do not edit. -->\n";
}

std::string docs_page(std::string_view page) {
    if (page == "options") return options_page();
    if (page == "metrics") return metrics_page();
    if (page == "errors") return errors_page();
    return "";
}

std::string errors_page() {
    std::string out =
        page_head("Errors, drop causes, warnings", "errors",
                  "src/model/error.cc, src/model/drop_reason.h and src/pipeline/warnings.cc");
    out +=
        "\nWhat a refused request is answered on the event and recording routes. `tag` is the "
        "label `error` of "
        "`capture_error_by_stage_and_type`; `{}` stands for a detail.\n\n"
        "| tag | status | body | sending it again can help |\n|---|---|---|---|\n";
    for (auto const& row : model::error_table()) {
        out += "| " + code(row.tag) + " | " + std::to_string(row.status) + " | " + code(row.text) +
               " | " + (row.retry ? "yes" : "no") + " |\n";
    }
    out +=
        "\n## Drop causes\n\nWhy an event was taken and then deliberately not produced: the label "
        "`cause` of "
        "`capture_events_dropped_total`. A request that is refused as a whole counts its events "
        "under the tag "
        "above.\n\n";
    for (const char* cause : model::kDropCauses)
        out += "- " + code(cause) + "\n";
    out +=
        "\n## Ingestion warnings\n\nWhat a project is told about its own events, in a record on "
        "the topic of client warnings; `type` is its "
        "`$$client_ingestion_warning_type` and the label `type` of `ingestion_warnings_total`.\n\n"
        "| type | meaning |\n|---|---|\n";
    for (auto const& row : pipeline::warning_table())
        out += "| " + code(row.name) + " | " + cell(row.meaning) + " |\n";
    return out;
}

}  // namespace capture::app
