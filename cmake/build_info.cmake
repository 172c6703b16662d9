# Writes the header that `capture --version` reads. Runs at every build, because only then the commit is known; the file
# changes (and one source file is compiled again) only when something in it has changed.
#
#   cmake -D TEMPLATE=… -D OUTPUT=… -D SOURCE_DIR=… -D CAPTURE_VERSION=… … -P build_info.cmake
execute_process(
    COMMAND git describe --always --dirty --abbrev=12 --exclude=*
    WORKING_DIRECTORY ${SOURCE_DIR}
    OUTPUT_VARIABLE CAPTURE_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT CAPTURE_COMMIT)
    set(CAPTURE_COMMIT unknown)
endif()
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
