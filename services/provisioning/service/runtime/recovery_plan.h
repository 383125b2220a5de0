// What recovery decides, as pure functions: what an interrupted run has lost, which of it is found again, and whether
// the rest may be applied without asking a person.
//
// The ledger has a row for each thing that the engine began. A deletion has a row of its own (LedgerKey): when a
// resource is replaced, the row of its creation must not hide that the old one is gone.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/engine/engine.h"
#include "services/provisioning/engine/finder.h"
#include "services/provisioning/store/rows.h"
#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::provisioning::service {

using Action = v1::ResourceChange::Action;

// Under which address the ledger keeps a row: the resource's own, with a mark for deletions.
std::string LedgerKey(std::string_view address, Action action);

// Whether a resource of that type is something outside the state. What is not cannot be lost: it is made anew.
bool IsRemote(std::string_view resource_type);

// A resource that the engine made, or may have made, and that the state does not have.
struct LostResource {
  std::string address;
  std::string type;
  std::string id;  // empty: it has to be looked for
  absl::Time started;
  // The id that the state has at this address, of the former resource. It has been deleted, and has to leave the state
  // before the new one can come into it.
  std::string replaces;
  // Nobody but a person can say what is right; why not.
  std::string question;
};

struct Evidence {
  std::vector<store::LedgerRow> ledger;
  std::map<std::string, std::string> state;   // ids by address, now
  std::map<std::string, std::string> before;  // and before the run
  // The engine ended by itself and saved its state: then what failed is in it, or was not made.
  bool orderly = false;
};

std::vector<LostResource> FindLost(const Evidence& evidence);

struct Assignment {
  std::vector<engine::Import> imports;
  std::vector<std::string> absent;     // certainly not made: may be made
  std::vector<std::string> undecided;  // nobody but a person can say
  std::vector<std::string> notes;      // one a resource, for people
};

// Gives each lost resource what was found of it. `taken` has the ids, as `TYPE/ID`, that other addresses have. Where
// several resources look alike, it does not matter which gets which id, as long as there are not more ids than
// resources.
Assignment Assign(const std::vector<LostResource>& lost, const std::vector<engine::Found>& found,
                  const std::set<std::string>& taken);

// What a plan would do, read from `show -json`.
struct PlannedResource {
  std::string address;
  std::string type;
  Action action = v1::ResourceChange::ACTION_NO_OP;
  bool importing = false;
  std::string after_json;  // `change.after`
  std::string told = {};   // the address as the run's events have it: redacted. Empty: just so
};
absl::StatusOr<std::vector<PlannedResource>> ReadPlan(std::string_view show_json);

// What the run had planned before it was interrupted.
struct Intentions {
  bool known = false;  // false: it had not finished planning, so nothing was begun
  std::map<std::string, Action> planned;
};
Intentions IntentionsOf(const std::vector<v1::RunEvent>& events);

// Why a recovery's plan may not be applied by itself; empty: it holds nothing that the run would not have done.
std::vector<std::string> Objections(const std::vector<PlannedResource>& plan, const Intentions& intentions,
                                    const std::set<std::string>& imported, const std::set<std::string>& undecided);

// The imports that a plan would take in without replacing or destroying what they name.
std::vector<engine::Import> HarmlessImports(const std::vector<PlannedResource>& plan,
                                            const std::vector<engine::Import>& imports);

}  // namespace stratus::provisioning::service
