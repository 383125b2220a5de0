#include "services/provisioning/service/runtime/run_network.h"

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/service/egress_rules.h"
#include "services/provisioning/service/runtime/state_door.h"

namespace stratus::provisioning::service {
namespace {

// Inside the sandbox; short, because a Unix socket's address is.
constexpr char kDoors[] = "/run/stratus";
constexpr char kRelay[] = "/run/stratus-relay";

std::string Map(uint16_t port, std::string_view door) {
  return absl::StrCat("--map=127.0.0.1:", port, "=", kDoors, "/", core::ToAbsl(door));
}

}  // namespace

bool HasOwnNetwork(const RuntimeParts& parts) { return parts.engine->isolation().tier == engine::Tier::kStrict; }

engine::RunNetwork NetworkOf(const RuntimeParts& parts, const store::RunRow& run, std::string_view module,
                             const std::map<std::string, std::string>& environment) {
  engine::RunNetwork network;
  if (!HasOwnNetwork(parts)) return network;
  const egress::Policy policy = parts.egress->For(run.tenant, module, environment);
  network.own = true;
  network.doors_inside = kDoors;
  network.relay = parts.options.relay;
  network.binds = {{parts.options.relay, kRelay}};
  network.command_prefix = {kRelay, Map(kStatePort, StateDoor::kName)};
  for (size_t i = 0; i < policy.doors.size(); ++i) {
    const std::string name = absl::StrCat("egress", i);
    const auto& forward = policy.doors[i].forward;
    network.command_prefix.push_back(Map(forward ? forward->port : kProxyPort, name));
    network.doors.push_back(name);
  }
  network.command_prefix.emplace_back("--");
  network.egress_program = parts.options.egress;
  network.egress_policy = ToText(policy);
  network.proxy = absl::StrCat("http://127.0.0.1:", kProxyPort);
  return network;
}

}  // namespace stratus::provisioning::service
