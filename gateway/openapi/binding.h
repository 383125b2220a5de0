// The HTTP side of a method, read from `option (google.api.http)`.
#pragma once

#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"

namespace stratus::gateway::openapi {

struct Binding {
  const google::protobuf::MethodDescriptor* method;
  int index;                  // 0: the option itself; from 1: additional_bindings
  std::string http_method;    // GET, POST, ..., a custom kind, or `*`
  std::string path_template;  // as written
  std::string body;           // a field's name, `*`, or empty
  std::string response_body;  // a field's name, or empty
};

// In the order written; empty for a method without the option. A binding without a pattern is left out.
std::vector<Binding> BindingsOf(const google::protobuf::MethodDescriptor* method);

}  // namespace stratus::gateway::openapi
