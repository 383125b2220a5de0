// Where the providers that this platform knows have their APIs: what a run may reach because it holds the credential.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "services/provisioning/egress/allow_list.h"

namespace stratus::provisioning::egress {

// Of every provider whose credential is in a run's environment. Where a variable names another address of the API, that
// stands for its hosts when `trusts` says so of NAME and value, since a tenant might have set it; else nothing does.
using Environment = std::map<std::string, std::string>;
std::vector<HostPattern> ProviderHosts(const Environment& environment,
                                       const std::function<bool(const std::string&, const std::string&)>& trusts);

// The host and port of an http:// or https:// address; nullopt for anything else.
std::optional<Target> TargetOfUrl(std::string_view url);

}  // namespace stratus::provisioning::egress
