#include <cstdio>
#include <exception>

#include "app/cli.h"

int main(int argc, char** argv) {
    try {
        return capture::app::main(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "capture: %s\n", error.what());
        return 1;
    }
}
