#include "app/commands/check.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "app/exit_code.h"

namespace capture::app {
namespace {

void print(const Finding& finding) {
    std::printf("%-7s %s: %s\n", finding.ok ? "ok" : "FAILED", finding.subject.c_str(),
                finding.text.c_str());
    std::fflush(stdout);
}

const char* sink_text(config::SinkKind kind) {
    switch (kind) {
        case config::SinkKind::Kafka:
            return "Kafka";
        case config::SinkKind::Store:
            return "the embedded store";
        case config::SinkKind::Print:
            return "the log (PRINT_SINK)";
        case config::SinkKind::Noop:
            return "nowhere (NOOP_SINK)";
    }
    return "";
}

}  // namespace

Finding check_store(const std::string& path) {
    constexpr const char* kSubject = "CAPTURE_STORE_PATH";
    std::error_code error;
    if (std::filesystem::exists(path, error)) {
        if (::access(path.c_str(), R_OK | W_OK) == 0)
            return {kSubject, path + " can be written", true};
        return {kSubject, path + " exists and cannot be written", false};
    }
    // The folders that are missing will be made.
    auto folder = std::filesystem::absolute(path, error).parent_path();
    while (!folder.empty() && folder != folder.root_path() &&
           !std::filesystem::exists(folder, error)) {
        folder = folder.parent_path();
    }
    bool const usable =
        std::filesystem::is_directory(folder, error) && ::access(folder.c_str(), W_OK | X_OK) == 0;
    if (usable) return {kSubject, path + " can be created", true};
    return {kSubject, path + " cannot be created: not a folder to write in: " + folder.string(),
            false};
}

int run_check(const config::Loaded& loaded) {
    auto const& settings = loaded.settings;
    for (auto const& problem : loaded.problems)
        print({problem.variable, problem.text, false});
    for (auto const& notice : loaded.notices) {
        if (notice.level >= telemetry::Level::Warn)
            std::printf("%-7s %s\n", "note", notice.text.c_str());
    }
    if (loaded.problems.empty()) {
        print({"configuration",
               std::string("mode ") + config::to_text(settings.mode) + ", events go to " +
                   sink_text(settings.sink),
               true});
    }

    bool reachable = true;
    auto const report = [&](const std::vector<Finding>& findings) {
        for (auto const& finding : findings) {
            print(finding);
            reachable = reachable && finding.ok;
        }
    };
    if (settings.sink == config::SinkKind::Kafka) report(check_kafka(settings));
    if (settings.sink == config::SinkKind::Store) report({check_store(settings.store_path)});
    if (settings.sink != config::SinkKind::Store) report(check_warnings(settings));
    report(check_redis(settings));
    if (!loaded.problems.empty()) return kExitConfig;
    return reachable ? kExitOk : kExitFailure;
}

}  // namespace capture::app
