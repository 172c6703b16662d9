#include <cstdio>
#include <exception>

#include "app/cli.h"

// jemalloc reads this at start. Freed pages go back to the system after a second instead of ten, so
// that the process stays near what its memory budget allows while the sizes in demand change.
extern "C" const char* malloc_conf;
const char* malloc_conf = "dirty_decay_ms:1000,muzzy_decay_ms:0";

int main(int argc, char** argv) {
    try {
        return capture::app::main(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "capture: %s\n", error.what());
        return 1;
    }
}
