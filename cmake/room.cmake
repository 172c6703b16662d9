# A room is one folder of src/, one static library. It may include the headers of the rooms it USES and of no other:
# each room's headers are reachable only through build/rooms/<room>/, an include directory that holds a single link.
#
#   capture_room(decode USES model LINK PkgConfig::isal)
#
# Files named *_test.cc become the test program <room>_test, *_bench.cc the benchmark <room>_bench. The target `benchmarks`
# is all of those.
add_custom_target(benchmarks)

function(capture_room name)
    cmake_parse_arguments(ROOM "" "" "USES;LINK;TEST_LINK" ${ARGN})

    set(gate ${CMAKE_SOURCE_DIR}/build/rooms/${name})
    file(MAKE_DIRECTORY ${gate})
    file(CREATE_LINK ../../../src/${name} ${gate}/${name} SYMBOLIC)

    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
    set(tests ${sources})
    set(benches ${sources})
    list(FILTER tests INCLUDE REGEX "_test\\.cc$")
    list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
    list(FILTER sources EXCLUDE REGEX "_(test|bench)\\.cc$")

    if(sources)
        add_library(${name} STATIC ${sources})
        capture_precompiled(${name} common)
        set(scope PUBLIC)
    else()
        add_library(${name} INTERFACE)
        set(scope INTERFACE)
    endif()
    target_include_directories(${name} ${scope} ${gate})
    target_link_libraries(${name} ${scope} capture_flags ${ROOM_USES} ${ROOM_LINK})

    if(tests AND BUILD_TESTING)
        add_executable(${name}_test ${tests})
        target_link_libraries(${name}_test PRIVATE ${name} ${ROOM_TEST_LINK} GTest::gmock GTest::gtest_main)
        target_compile_options(${name}_test PRIVATE ${capture_test_options})
        capture_precompiled(${name}_test test)
        gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST)
    endif()
    if(benches AND CAPTURE_BENCH)
        add_executable(${name}_bench ${benches})
        target_link_libraries(${name}_bench PRIVATE ${name} ${ROOM_TEST_LINK} benchmark::benchmark benchmark::benchmark_main)
        add_dependencies(benchmarks ${name}_bench)
        if(BUILD_TESTING)
            # Once through each: whether it still runs and its answers are right.
            add_test(NAME bench.${name} COMMAND ${name}_bench --benchmark_min_time=0)
            set_tests_properties(bench.${name} PROPERTIES FAIL_REGULAR_EXPRESSION "ERROR OCCURRED")
        endif()
    endif()
endfunction()
