// Runs a connection over memory with bytes that a fuzzer chose, cut where it chose, read as slowly as it chose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stratus::gateway::http::testing {

// The first bytes of `data` choose how the rest is cut; `preface` is sent before it.
void FuzzConnection(std::string_view preface, const uint8_t* data, size_t size);

}  // namespace stratus::gateway::http::testing
