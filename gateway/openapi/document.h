// The OpenAPI 3.1 document of what the gateway serves over REST, made from descriptors and google.api.http options.
//
//   openapi::Document document = openapi::Build(snapshot.services(), {.title = "Stratus", .policy = ...});
//   // document.json is the body of /openapi.json
//
// The output is deterministic: the same descriptors and options give the same bytes. Comments become descriptions where
// the descriptor set carries them (protoc --include_source_info). Server reflection gives none.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "google/protobuf/descriptor.h"
#include "lib/auth/policy.h"

namespace stratus::gateway::openapi {

struct DocumentOptions {
  std::string title = "API";
  std::string version = "0";
  std::string description;  // CommonMark; may be empty

  // Who may call a method, by gRPC path (`/pkg.Service/Method`). Unset: no token is looked at (`--auth=off`), and the
  // document states no security.
  std::function<const auth::Policy&(std::string_view grpc_path)> policy;

  // The issuer's token endpoint for client_credentials; empty: only bearer tokens are described.
  std::string token_url;

  // The health check's path; empty: not served.
  std::string health_path = "/health";

  // As the gateway's ProtoJSON is configured.
  bool preserve_proto_field_names = false;
  bool enums_as_integers = false;
};

struct Document {
  std::string json;
  // Bindings that are left out, and why: for the log.
  std::vector<std::string> warnings;
};

// `services` and their pool need not outlive the call. Services without any binding are left out.
Document Build(absl::Span<const google::protobuf::ServiceDescriptor* const> services, const DocumentOptions& options);

}  // namespace stratus::gateway::openapi
