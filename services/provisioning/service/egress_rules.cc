#include "services/provisioning/service/egress_rules.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/config_loader.h"
#include "lib/core/status.h"
#include "services/provisioning/egress/provider_hosts.h"

namespace stratus::provisioning::service {

absl::StatusOr<EgressRules> EgressRules::Load(Options options) {
  EgressRules rules;
  config::v1::EgressList flags;
  for (std::string& host : options.allow) flags.add_allow(std::move(host));
  for (std::string& network : options.networks) flags.add_networks(std::move(network));
  if (absl::Status status = Read(flags, "--egress", &rules.all_); !status.ok()) return status;
  if (absl::Status status = rules.ReadFile(options.file); !status.ok()) return status;
  rules.api_addresses_ = std::move(options.api_addresses);
  rules.doors_.emplace_back();
  const auto sandbox = egress::TargetOfUrl(options.sandbox_url);
  if (sandbox && egress::ParseAddress(sandbox->host)) {
    rules.doors_.push_back({sandbox});
  } else if (!options.sandbox_url.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("STRATUS_SANDBOX_URL=", options.sandbox_url, " is not http://ADDRESS:PORT"));
  }
  return rules;
}

absl::Status EgressRules::ReadFile(const std::string& file) {
  if (file.empty()) return absl::OkStatus();
  config::v1::Egress egress;
  if (absl::Status status = core::LoadConfig(file, {}, &egress); !status.ok()) return status;
  absl::Status status = Read(egress.all(), absl::StrCat(file, ": all"), &all_);
  if (status.ok()) status = ReadAll(egress.modules(), absl::StrCat(file, ": modules."), &modules_);
  if (status.ok()) status = ReadAll(egress.tenants(), absl::StrCat(file, ": tenants."), &tenants_);
  return status;
}

absl::Status EgressRules::ReadAll(const google::protobuf::Map<std::string, config::v1::EgressList>& from,
                                  const std::string& where, Lists* lists) {
  for (const auto& [name, list] : from) {
    if (absl::Status status = Read(list, absl::StrCat(where, name), &(*lists)[name]); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status EgressRules::Read(const config::v1::EgressList& from, std::string_view where, List* list) {
  for (const std::string& text : from.allow()) {
    auto pattern = egress::ParsePattern(text);
    if (!pattern) {
      return absl::InvalidArgumentError(
          absl::StrCat(core::ToAbsl(where), ": `", text, "` is no host to allow: HOST, HOST:PORT, *.HOST or *"));
    }
    list->allow.push_back(*std::move(pattern));
  }
  for (const std::string& text : from.networks()) {
    const auto network = egress::ParseNetwork(text);
    if (!network) {
      return absl::InvalidArgumentError(
          absl::StrCat(core::ToAbsl(where), ": `", text, "` is no network: 10.20.0.0/16, fd00:1::/32"));
    }
    list->networks.push_back(*network);
  }
  return absl::OkStatus();
}

void EgressRules::Append(const List& list, egress::Policy* policy) {
  policy->allow.insert(policy->allow.end(), list.allow.begin(), list.allow.end());
  policy->networks.insert(policy->networks.end(), list.networks.begin(), list.networks.end());
}

egress::Policy EgressRules::For(std::string_view tenant, std::string_view module,
                                const std::map<std::string, std::string>& environment) const {
  egress::Policy policy;
  policy.doors = doors_;
  policy.allow = egress::ProviderHosts(environment, [this](const std::string& name, const std::string& value) {
    const auto at = api_addresses_.find(name);
    return at != api_addresses_.end() && at->second == value;
  });
  Append(all_, &policy);
  if (const auto at = modules_.find(module); at != modules_.end()) Append(at->second, &policy);
  if (const auto at = tenants_.find(tenant); at != tenants_.end()) Append(at->second, &policy);
  return policy;
}

}  // namespace stratus::provisioning::service
