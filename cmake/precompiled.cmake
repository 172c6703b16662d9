# Headers that nearly every file includes, compiled once: one set for the rooms, one with GoogleTest for their tests.
# That takes a third off a build from nothing. Only headers of the standard library and of Asio's coroutines are in it,
# none of ours, so that no change makes it stale. The fuzz build has none (clang): there a file that does not include
# what it uses fails.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    function(capture_precompiled target kind)
    endfunction()
    return()
endif()

set(capture_common_headers
    <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <cstdint> <cstring> <expected> <functional>
    <map> <memory> <mutex> <optional> <ranges> <span> <string> <string_view> <thread> <unordered_map> <utility> <vector>
    <boost/asio/awaitable.hpp> <boost/asio/basic_waitable_timer.hpp> <boost/asio/co_spawn.hpp>
    <boost/asio/deferred.hpp> <boost/asio/io_context.hpp> <boost/asio/post.hpp>)
set(capture_test_headers ${capture_common_headers} <gmock/gmock.h> <gtest/gtest.h>)

# capture_precompiled(<target> common|test)
function(capture_precompiled target kind)
    if(NOT TARGET precompiled_${kind})
        add_library(precompiled_${kind} OBJECT ${CMAKE_SOURCE_DIR}/cmake/precompiled.cc)
        target_link_libraries(precompiled_${kind} PRIVATE capture_flags Boost::headers Threads::Threads)
        target_compile_definitions(precompiled_${kind} PRIVATE ${capture_asio_definitions})
        target_precompile_headers(precompiled_${kind} PRIVATE ${capture_${kind}_headers})
        if(kind STREQUAL test)
            target_link_libraries(precompiled_test PRIVATE GTest::gtest)
            target_compile_options(precompiled_test PRIVATE ${capture_test_options})
        endif()
    endif()
    target_precompile_headers(${target} REUSE_FROM precompiled_${kind})
endfunction()
