#include "services/provisioning/egress/policy.h"

#include <algorithm>

namespace stratus::provisioning::egress {
namespace {

constexpr std::string_view kProxy = "door proxy";
constexpr std::string_view kForward = "door forward ";
constexpr std::string_view kAllow = "allow ";
constexpr std::string_view kNetwork = "network ";

template <typename Item>
bool Append(std::optional<Item> item, std::vector<Item>* items) {
  if (item) items->push_back(*std::move(item));
  return item.has_value();
}

bool AddForward(std::string_view address, Policy* policy) {
  const auto target = ParseTarget(address, 0);
  if (!target || !ParseAddress(target->host)) return false;
  policy->doors.push_back({target});
  return true;
}

bool AddLine(std::string_view line, Policy* policy) {
  if (line == kProxy) {
    policy->doors.emplace_back();
    return true;
  }
  if (line.starts_with(kForward)) return AddForward(line.substr(kForward.size()), policy);
  if (line.starts_with(kAllow)) return Append(ParsePattern(line.substr(kAllow.size())), &policy->allow);
  if (line.starts_with(kNetwork)) return Append(ParseNetwork(line.substr(kNetwork.size())), &policy->networks);
  return false;
}

}  // namespace

std::string ToText(const Policy& policy) {
  std::string text;
  for (const Door& door : policy.doors) {
    text.append(door.forward ? std::string(kForward) + ToText(*door.forward) : std::string(kProxy)).append("\n");
  }
  for (const HostPattern& pattern : policy.allow) text.append(kAllow).append(ToText(pattern)).append("\n");
  for (const Network& network : policy.networks) text.append(kNetwork).append(ToText(network)).append("\n");
  return text;
}

std::optional<Policy> ParsePolicy(std::string_view text) {
  Policy policy;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (!AddLine(text.substr(0, end), &policy)) return std::nullopt;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return policy;
}

}  // namespace stratus::provisioning::egress
