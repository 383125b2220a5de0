// The few fields of grpc.reflection.v1 messages that a client needs. Both versions have the same wire format.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace stratus::gateway::proxy {

enum class ReflectionQuestion : int {  // field numbers of ServerReflectionRequest
  kFileByName = 3,
  kFileWithSymbol = 4,
  kListServices = 7,
};

// A serialized ServerReflectionRequest.
std::string ReflectionRequest(ReflectionQuestion question, std::string_view text);

struct ReflectionResponse {
  std::vector<std::string> files;     // serialized FileDescriptorProtos
  std::vector<std::string> services;  // names
  absl::Status error;
};

// False when the bytes are no ServerReflectionResponse.
bool ParseReflectionResponse(std::string_view wire, ReflectionResponse* out);

}  // namespace stratus::gateway::proxy
