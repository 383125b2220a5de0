#include "services/provisioning/egress/provider_hosts.h"

#include <algorithm>
#include <string_view>

namespace stratus::provisioning::egress {
namespace {

struct Provider {
  std::string_view credential;          // the variable that the provider reads it from
  std::string_view address;             // the variable that replaces its API's address; may be empty
  std::vector<std::string_view> hosts;  // {AWS_REGION} is a region of AWS
};

// From the providers' documentation. What is not here, --egress-allow and the rules file add.
const std::vector<Provider>& Providers() {
  static const auto& providers = *new std::vector<Provider>{
      {"DIGITALOCEAN_TOKEN", "DIGITALOCEAN_API_URL", {"api.digitalocean.com:443"}},
      {"SPACES_ACCESS_KEY_ID", "", {"*.digitaloceanspaces.com:443"}},
      // Not *.amazonaws.com: under it every machine of every customer has a name.
      {"AWS_ACCESS_KEY_ID",
       "",
       {"*.{AWS_REGION}.amazonaws.com:443", "iam.amazonaws.com:443", "sts.amazonaws.com:443", "s3.amazonaws.com:443",
        "*.s3.amazonaws.com:443", "route53.amazonaws.com:443", "cloudfront.amazonaws.com:443",
        "organizations.us-east-1.amazonaws.com:443"}},
      {"CLOUDFLARE_API_TOKEN", "", {"api.cloudflare.com:443"}},
      {"HCLOUD_TOKEN", "", {"api.hetzner.cloud:443"}},
      {"LINODE_TOKEN", "", {"api.linode.com:443"}},
      {"VULTR_API_KEY", "", {"api.vultr.com:443"}},
  };
  return providers;
}

std::string_view Lookup(const Environment& environment, std::string_view name) {
  const auto at = environment.find(std::string(name));
  return at == environment.end() ? std::string_view() : std::string_view(at->second);
}

// `eu-west-1`, `us-gov-east-1`: a tenant may have set it, and must not make another name of it.
bool IsRegion(std::string_view text) {
  const size_t dash = text.rfind('-');
  if (dash == std::string_view::npos || text.size() > 24 || text.find('-') != 2 || dash == 2) return false;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::string_view number = text.substr(dash + 1);
  return !number.empty() && std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(dash), is_letter) &&
         std::all_of(number.begin(), number.end(), is_digit);
}

void AddHost(std::string_view host, const Environment& environment, std::vector<HostPattern>* patterns) {
  static constexpr std::string_view kRegion = "{AWS_REGION}";
  std::string text(host);
  if (const size_t at = text.find(kRegion); at != std::string::npos) {
    const std::string_view region = Lookup(environment, "AWS_REGION");
    if (!IsRegion(region)) return;
    text.replace(at, kRegion.size(), region);
  }
  if (auto pattern = ParsePattern(text)) patterns->push_back(*std::move(pattern));
}

}  // namespace

std::optional<Target> TargetOfUrl(std::string_view url) {
  for (const auto& [scheme, port] : {std::pair<std::string_view, uint16_t>{"https://", 443}, {"http://", 80}}) {
    if (!url.starts_with(scheme)) continue;
    url.remove_prefix(scheme.size());
    return ParseTarget(url.substr(0, url.find_first_of("/?#")), port);
  }
  return std::nullopt;
}

std::vector<HostPattern> ProviderHosts(const Environment& environment,
                                       const std::function<bool(const std::string&, const std::string&)>& trusts) {
  std::vector<HostPattern> patterns;
  for (const Provider& provider : Providers()) {
    if (Lookup(environment, provider.credential).empty()) continue;
    const std::string address(provider.address.empty() ? "" : Lookup(environment, provider.address));
    if (address.empty()) {
      for (const std::string_view host : provider.hosts) AddHost(host, environment, &patterns);
    } else if (const auto target = TargetOfUrl(address); target && trusts(std::string(provider.address), address)) {
      patterns.push_back({target->host, target->port});
    }
  }
  return patterns;
}

}  // namespace stratus::provisioning::egress
