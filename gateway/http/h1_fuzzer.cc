// Any bytes from an HTTP/1.x client.
#include "gateway/http/testing/fuzz_connection.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  stratus::gateway::http::testing::FuzzConnection("", data, size);
  return 0;
}
