// OpenTofu's state file (format version 4), as far as the service has to know what is in it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stratus::provisioning::service {

struct StateResource {
  std::string address;  // `module.a.digitalocean_ssh_key.key["a"]`
  std::string type;     // `digitalocean_ssh_key`
  std::string id;       // the `id` attribute; may be empty
  bool deposed = false;
};

struct StateDocument {
  int64_t serial = 0;
  std::string lineage;
  std::vector<StateResource> resources;  // managed ones; data sources are not counted
  std::string outputs_json;              // {name: {value, type, sensitive}}
};

// INVALID_ARGUMENT: not a state of version 4. The error never quotes it: states hold secrets.
absl::StatusOr<StateDocument> ReadState(std::string_view text);

// The ids of the resources that are not deposed, by address.
std::map<std::string, std::string> IdsByAddress(const StateDocument& state);

// The state without the current instance at `address`, with the next serial. NOT_FOUND: it is not in it.
absl::StatusOr<std::string> WithoutResource(std::string_view text, std::string_view address);

// The state with no resource and no output, with the next serial.
absl::StatusOr<std::string> Emptied(std::string_view text);

}  // namespace stratus::provisioning::service
