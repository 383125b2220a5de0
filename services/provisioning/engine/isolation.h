// How runs are kept apart from everything else on this machine: what was asked for, and what was found to work here.
// Which environment gives which tier is a table in docs/adr/0008-what-a-run-can-reach.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provisioning/engine/uid_range.h"

namespace stratus::provisioning::engine {

enum class Tier {
  kOff,     // a run is a process of ours like any other: it reads and ends what the service can
  kBasic,   // as strict, but on the network of the host; or, where there are no namespaces, by Landlock
  kStrict,  // all namespaces, a filter of system calls, and no network but by the two ways that it is given
};

std::string_view TierName(Tier tier);
absl::StatusOr<Tier> TierOf(std::string_view name);

struct IsolationOptions {
  Tier wanted = Tier::kOff;
  bool may_fall_back = false;        // to the best tier that works, rather than to refuse
  std::string uids = "70000-70999";  // FIRST-LAST; read only when started by root
};

// What was found at start. A run gets all of it.
struct Isolation {
  Tier tier = Tier::kOff;
  std::string shortfall = {};         // why it is less than was wanted; empty when it is not
  std::string shim = {};              // stratus-shim, which is what enters
  std::string bubblewrap = {};        // empty: no namespaces
  std::string filter = {};            // the file with the filter of system calls; empty: none
  std::optional<UidRange> uids = {};  // of runs; nullopt: they are of the service's own uid
  bool user_namespace = false;        // `enter` makes one, below a uid of its own
  bool landlock = false;              // instead of namespaces
};

// Tries what works, by running a program in it, and writes what all sandboxes read below `folder`. FAILED_PRECONDITION:
// less works than is wanted, with what to install or to switch on.
absl::StatusOr<Isolation> FindIsolation(const IsolationOptions& options, const std::string& shim,
                                        const std::string& folder);

}  // namespace stratus::provisioning::engine
