# Every library comes from the distribution's packages (scripts/setup.sh names them). gRPC, Protobuf and Abseil may be
# newer than Debian's: nothing here pins them from above.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(GTest REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(simdjson REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(CLI11 REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
if(STRATUS_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()

if(NOT TARGET gRPC::grpc_cpp_plugin)
  find_program(STRATUS_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
else()
  set(STRATUS_GRPC_CPP_PLUGIN $<TARGET_FILE:gRPC::grpc_cpp_plugin>)
endif()

# What scripts/setup.sh fetches by package name: third-party protos, Swagger UI.
set(STRATUS_DEPS_DIR ${CMAKE_SOURCE_DIR}/.deps CACHE PATH "What ./dev setup fetched")
if(NOT EXISTS ${STRATUS_DEPS_DIR}/proto/google/api/annotations.proto)
  message(FATAL_ERROR "${STRATUS_DEPS_DIR}/proto is missing: run ./dev setup first")
endif()
