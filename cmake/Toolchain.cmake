# Compiler, linker and warning settings that every target of this project shares.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Dev)
endif()

option(STRATUS_FUZZERS "Build the libFuzzer targets" OFF)
option(STRATUS_BENCHMARKS "Build the benchmarks" OFF)
option(STRATUS_COVERAGE "Instrument for gcov" OFF)
set(STRATUS_SANITIZE "" CACHE STRING "Value for -fsanitize=, for example address,undefined")

# Dev compiles quickly and still runs the gateway at a useful speed; -g1 keeps line numbers in stack traces.
set(CMAKE_CXX_FLAGS_DEV "-O1 -g1 -D_GLIBCXX_ASSERTIONS")
set(CMAKE_C_FLAGS_DEV "-O1 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -D_FORTIFY_SOURCE=2 -fstack-protector-strong")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

# ccache, by relative paths, so that a second clone hits what the first one compiled.
find_program(STRATUS_CCACHE ccache)
if(STRATUS_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${STRATUS_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

# Release links with the default linker: mold 1.x cannot do gcc's link-time optimisation.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  find_program(STRATUS_MOLD mold)
  find_program(STRATUS_LLD ld.lld)
  if(STRATUS_MOLD)
    add_link_options(-fuse-ld=mold)
  elseif(STRATUS_LLD)
    add_link_options(-fuse-ld=lld)
  endif()
else()
  add_link_options(-Wl,-z,relro,-z,now)
endif()

if(STRATUS_SANITIZE)
  add_compile_options(-fsanitize=${STRATUS_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${STRATUS_SANITIZE})
  if(STRATUS_SANITIZE MATCHES "thread")
    # TSan does not model atomic_thread_fence (and g++ refuses it): Asio then takes a full barrier that it does.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
  if(STRATUS_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()
if(STRATUS_FUZZERS)
  # Everything counts its edges: a fuzzer explores the libraries, not its own ten lines.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(STRATUS_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

# Warnings are for our own code: generated code is compiled without them (see Proto.cmake).
add_library(stratus_warnings INTERFACE)
target_compile_options(stratus_warnings INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
