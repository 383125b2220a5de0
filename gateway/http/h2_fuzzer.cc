// Any frames from an HTTP/2 client, after a good preface and SETTINGS.
#include "gateway/http/testing/fuzz_connection.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
  stratus::gateway::http::testing::FuzzConnection({kPreface, sizeof(kPreface) - 1}, data, size);
  return 0;
}
