// What a step's egress process is told: a text of one line an item, which the service writes into the step's control
// folder and stratus-egress reads once.
//
//   door proxy                          the first listening socket that it is given takes HTTP CONNECT and http://
//   door forward 127.0.0.1:8090         the second leads to one fixed place, wherever that is: development's sandbox
//   allow api.example.com:443           HostPattern
//   network 10.20.0.0/16                private addresses that names may resolve to
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/provisioning/egress/address_rules.h"
#include "services/provisioning/egress/allow_list.h"

namespace stratus::provisioning::egress {

struct Door {
  // Where all that comes in goes; nullopt: a proxy.
  std::optional<Target> forward = {};
};

struct Policy {
  std::vector<Door> doors;
  std::vector<HostPattern> allow;
  std::vector<Network> networks;
};

std::string ToText(const Policy& policy);
// nullopt for a line that is none of those above.
std::optional<Policy> ParsePolicy(std::string_view text);

}  // namespace stratus::provisioning::egress
