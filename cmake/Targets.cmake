# One helper per kind of target. Every folder of lib/, services/ and gateway/ is one library with the alias
# stratus::NAME; dependencies are stated on the target and point one way (ARCHITECTURE.md).

# stratus_library(NAME SRCS a.cc ... [DEPS target ...] [PRIVATE_DEPS target ...])
function(stratus_library name)
  cmake_parse_arguments(A "" "" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(stratus_${name} STATIC ${A_SRCS})
  add_library(stratus::${name} ALIAS stratus_${name})
  target_include_directories(stratus_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(stratus_${name} PUBLIC ${A_DEPS} PRIVATE ${A_PRIVATE_DEPS} stratus_warnings)
endfunction()

# stratus_executable(stratus-foo SRCS main.cc DEPS ...): build/bin/stratus-foo
function(stratus_executable name)
  cmake_parse_arguments(A "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${A_SRCS})
  target_link_libraries(${name} PRIVATE ${A_DEPS} CLI11::CLI11 stratus_warnings)
endfunction()

# stratus_test(foo_test SRCS foo_test.cc DEPS ... [ARGS ...] [LABELS ...]): one binary, one ctest entry
function(stratus_test name)
  cmake_parse_arguments(A "" "" "SRCS;DEPS;ARGS;LABELS" ${ARGN})
  if(STRATUS_FUZZERS)
    return()
  endif()
  add_executable(${name} ${A_SRCS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${A_DEPS} GTest::gmock GTest::gtest_main stratus_warnings)
  add_test(NAME ${name} COMMAND ${name} ${A_ARGS})
  set_tests_properties(${name} PROPERTIES TIMEOUT 900 LABELS "unit;${A_LABELS}"
    ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/tsan.supp:ignore_noninstrumented_modules=1;LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/lsan.supp")
endfunction()

# stratus_benchmark(foo_bench SRCS ... DEPS ...): build-release/bench/foo_bench
function(stratus_benchmark name)
  cmake_parse_arguments(A "" "" "SRCS;DEPS" ${ARGN})
  if(NOT STRATUS_BENCHMARKS)
    return()
  endif()
  add_executable(${name} ${A_SRCS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  target_link_libraries(${name} PRIVATE ${A_DEPS} benchmark::benchmark benchmark::benchmark_main stratus_warnings)
endfunction()

# stratus_fuzzer(foo_fuzzer SRCS ... DEPS ... CORPUS dir): build-fuzz/fuzz/foo_fuzzer
function(stratus_fuzzer name)
  cmake_parse_arguments(A "" "" "SRCS;DEPS" ${ARGN})
  if(NOT STRATUS_FUZZERS)
    return()
  endif()
  add_executable(${name} ${A_SRCS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  # All of them, and nothing else: what ./dev fuzz builds.
  if(NOT TARGET fuzzers)
    add_custom_target(fuzzers)
  endif()
  add_dependencies(fuzzers ${name})
  target_link_libraries(${name} PRIVATE ${A_DEPS} stratus_warnings)
endfunction()
