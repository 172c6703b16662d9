#include "app/cli.h"

int main(int argc, char** argv) { return capture::app::run(argc, argv); }
