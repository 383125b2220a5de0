// Who a verified token speaks for.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace stratus::auth {

struct Principal {
  std::string issuer;
  std::string client_id;
  std::string subject;              // `sub`; equals client_id for client_credentials tokens
  std::string username;             // user tokens only
  std::vector<std::string> scopes;  // sorted
  std::vector<std::string> groups;  // sorted; `cognito:groups` and the configured roles claim together
  std::string tenant;               // client_id, or the configured tenant claim
  absl::Time expires;
};

}  // namespace stratus::auth
