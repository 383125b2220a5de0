// Any bytes as a query string: the answer is an error or wire format that Protobuf itself parses.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "gateway/transcode/test_schema.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stratus::gateway::transcode;  // NOLINT: a fuzzer of this namespace alone
  constexpr char kType[] = "transcode.test.Everything";
  ParameterWriter writer(GetTestSchema().Table(kType));
  if (!writer.AddQuery({reinterpret_cast<const char*>(data), size}, {}, {}).ok()) return 0;
  stratus::gateway::Buffer wire;
  if (!writer.Flush(&wire).ok()) std::abort();
  const auto message = GetTestSchema().NewMessage(kType);
  if (!message->ParsePartialFromArray(wire.data(), static_cast<int>(wire.size()))) std::abort();
  return 0;
}
