#include "gateway/openapi/binding.h"

#include "google/api/annotations.pb.h"

namespace stratus::gateway::openapi {
namespace {

using google::api::HttpRule;

bool ReadPattern(const HttpRule& rule, Binding* binding) {
  const auto set = [binding](const char* method, const std::string& path) {
    binding->http_method = method;
    binding->path_template = path;
    return true;
  };
  switch (rule.pattern_case()) {
    case HttpRule::kGet: return set("GET", rule.get());
    case HttpRule::kPut: return set("PUT", rule.put());
    case HttpRule::kPost: return set("POST", rule.post());
    case HttpRule::kDelete: return set("DELETE", rule.delete_());
    case HttpRule::kPatch: return set("PATCH", rule.patch());
    case HttpRule::kCustom: return set(rule.custom().kind().c_str(), rule.custom().path());
    case HttpRule::PATTERN_NOT_SET: return false;
  }
  return false;
}

}  // namespace

std::vector<Binding> BindingsOf(const google::protobuf::MethodDescriptor* method) {
  std::vector<Binding> bindings;
  if (!method->options().HasExtension(google::api::http)) return bindings;
  const HttpRule& first = method->options().GetExtension(google::api::http);
  const auto add = [&](const HttpRule& rule, int index) {
    Binding binding{method, index, "", "", rule.body(), rule.response_body()};
    if (ReadPattern(rule, &binding)) bindings.push_back(std::move(binding));
  };
  add(first, 0);
  for (int i = 0; i < first.additional_bindings_size(); ++i) add(first.additional_bindings(i), i + 1);
  return bindings;
}

}  // namespace stratus::gateway::openapi
