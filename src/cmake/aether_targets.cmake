# How this project's libraries and programs are compiled: standard, warnings, sanitizers, precompiled headers.

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(AETHER_CCACHE ccache)
  if(AETHER_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${AETHER_CCACHE})
  endif()
endif()

# Flags of our own sources; nothing of this reaches those who link the library.
add_library(aether_flags INTERFACE)
target_compile_options(aether_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Woverloaded-virtual
  $<$<BOOL:${AETHER_WERROR}>:-Werror>
  # Sources that are compiled together shadow each other's names.
  $<$<NOT:$<BOOL:${AETHER_FAST_BUILD}>>:-Wshadow>
  # g++ 12 is wrong with these: coroutine frames, and strings joined in one expression.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-tsan>
  # So that ccache may answer in spite of precompiled headers.
  $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
  $<$<CXX_COMPILER_ID:Clang>:-Xclang -fno-pch-timestamp>
  # What g++ leaves out of -Wconversion; and libstdc++ 12 uses a deprecated function of its own in std::stable_sort.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion -Wno-deprecated-declarations>)
target_compile_definitions(aether_flags INTERFACE BOOST_ASIO_NO_DEPRECATED)
if(AETHER_SANITIZE)
  target_compile_options(aether_flags INTERFACE
    -fsanitize=${AETHER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    # The sanitizers' own code makes g++ see uninitialised reads where there are none.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(aether_flags INTERFACE -fsanitize=${AETHER_SANITIZE})
endif()

set(aether_heavy_headers
  <boost/asio/any_io_executor.hpp> <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/io_context.hpp>
  <boost/asio/post.hpp> <boost/asio/steady_timer.hpp> <boost/asio/strand.hpp> <boost/asio/this_coro.hpp>
  <boost/asio/use_awaitable.hpp> <boost/json.hpp>
  <algorithm> <atomic> <chrono> <functional> <map> <memory> <optional> <string> <unordered_map> <variant> <vector>)

function(aether_own_target target)
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:aether_flags>)
  get_target_property(type ${target} TYPE)
  if(AETHER_SANITIZE AND type STREQUAL "EXECUTABLE")
    target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/test/support/sanitizer_options.cpp)
    set_source_files_properties(${PROJECT_SOURCE_DIR}/test/support/sanitizer_options.cpp
      TARGET_DIRECTORY ${target} PROPERTIES SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()

# Where it is asked for, the sources of a target of many are compiled by the dozen.
function(aether_join_sources target)
  if(AETHER_FAST_BUILD)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    # What stands in an included source is taken for a header's.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# aether_add_library(core glob...): target aether_core, alias and export name aether::core.
function(aether_add_library name)
  file(GLOB sources CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${ARGN})
  set(target aether_${name})
  add_library(${target} ${sources})
  add_library(aether::${name} ALIAS ${target})
  aether_own_target(${target})
  aether_join_sources(${target})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name} DEFINE_SYMBOL "" VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  if(AETHER_PRECOMPILED_HEADERS)
    if(name STREQUAL core)
      target_precompile_headers(${target} PRIVATE ${aether_heavy_headers})
    else()
      target_precompile_headers(${target} REUSE_FROM aether_core)
    endif()
  endif()
endfunction()
