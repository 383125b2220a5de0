// Prints the OpenAPI document of a descriptor set: what tests/conformance validates.
//   openapi_dump FILE.pb [TOKEN_URL]
#include <fstream>
#include <iostream>

#include "gateway/openapi/document.h"
#include "gateway/openapi/testing/descriptor_file.h"
#include "lib/auth/policy.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: openapi_dump FILE.pb [TOKEN_URL]\n";
    return 2;
  }
  const stratus::gateway::openapi::testing::DescriptorFile file(argv[1]);
  const auto policies = stratus::auth::PolicyTable::Compile(file.services(), {});
  if (!policies.ok()) {
    std::cerr << policies.status() << "\n";
    return 1;
  }
  stratus::gateway::openapi::DocumentOptions options;
  options.title = "Dump";
  options.policy = [&policies](std::string_view path) -> const stratus::auth::Policy& { return policies->Find(path); };
  if (argc > 2) options.token_url = argv[2];
  const auto document = stratus::gateway::openapi::Build(file.services(), options);
  for (const std::string& warning : document.warnings) std::cerr << warning << "\n";
  std::cout << document.json << "\n";
  return 0;
}
