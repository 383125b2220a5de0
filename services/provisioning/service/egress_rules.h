// Which hosts a run may reach: nothing, but the APIs of the providers whose credentials it holds and what the operator
// lists for everyone, for its module or for its tenant.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provisioning/egress/policy.h"
#include "stratus/config/v1/egress.pb.h"

namespace stratus::provisioning::service {

class EgressRules {
 public:
  struct Options {
    std::vector<std::string> allow;     // for every run: --egress-allow
    std::vector<std::string> networks;  // --egress-network
    std::string file;                   // proto/stratus/config/v1/egress.proto; empty: none
    // Addresses of APIs that the operator has set, by variable: `DIGITALOCEAN_API_URL`. In a run's environment they are
    // trusted only as they stand here.
    std::map<std::string, std::string> api_addresses;
    // Development's sandbox, http://127.0.0.1:PORT: every run finds it at that address. Empty: there is none.
    std::string sandbox_url;
  };
  // INVALID_ARGUMENT and NOT_FOUND name the flag, or the file and the line.
  static absl::StatusOr<EgressRules> Load(Options options);

  // For a run of `module` for `tenant` that is given `environment`. The first door is the proxy's; another one leads
  // to the sandbox.
  egress::Policy For(std::string_view tenant, std::string_view module,
                     const std::map<std::string, std::string>& environment) const;

 private:
  struct List {
    std::vector<egress::HostPattern> allow;
    std::vector<egress::Network> networks;
  };
  using Lists = std::map<std::string, List, std::less<>>;

  absl::Status ReadFile(const std::string& file);
  static absl::Status Read(const config::v1::EgressList& from, std::string_view where, List* list);
  static absl::Status ReadAll(const google::protobuf::Map<std::string, config::v1::EgressList>& from,
                              const std::string& where, Lists* lists);
  static void Append(const List& list, egress::Policy* policy);

  List all_;
  Lists modules_;
  Lists tenants_;
  std::map<std::string, std::string> api_addresses_;
  std::vector<egress::Door> doors_;
};

}  // namespace stratus::provisioning::service
