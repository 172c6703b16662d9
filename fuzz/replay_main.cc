// Runs every file of the given folders through a fuzz target, once: how corpora are plain tests in
// ordinary builds.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz_input.h"

namespace {

bool replay(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return false;
    std::string const text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    // Exactly sized memory, so that AddressSanitizer sees a read past the end.
    std::vector<std::uint8_t> const bytes(text.begin(), text.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t files = 0;
    for (int i = 1; i < argc; ++i) {
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(argv[i], error)) {
            if (!entry.is_regular_file()) continue;
            std::fprintf(stderr, "%s\n", entry.path().c_str());
            if (!replay(entry.path())) return 1;
            ++files;
        }
    }
    std::printf("%zu inputs\n", files);
    return files ? 0 : 1;  // a folder without seeds tests nothing
}
