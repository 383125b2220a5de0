#include "services/provisioning/service/runtime/recovery_plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/redact.h"

namespace stratus::provisioning::service {
namespace {

using Progress = v1::RunEvent::ResourceProgress;
using v1::ResourceChange;

constexpr std::string_view kDeletion = " (delete)";

bool IsCreation(const store::LedgerRow& row) {
  return row.action == ResourceChange::ACTION_CREATE || row.action == ResourceChange::ACTION_REPLACE;
}

std::string Lookup(const std::map<std::string, std::string>& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? std::string() : found->second;
}

class Reconciliation {
 public:
  explicit Reconciliation(const Evidence& evidence) : evidence_(evidence) {
    for (const store::LedgerRow& row : evidence.ledger) {
      if (row.action == ResourceChange::ACTION_DELETE && row.phase == Progress::PHASE_COMPLETED) {
        deleted_[row.address] = row.id;
      }
    }
  }

  // Nothing: the state has it, or there is nothing to have.
  std::optional<LostResource> Judge(const store::LedgerRow& row) const {
    if (!IsCreation(row) || !IsRemote(row.resource_type)) return std::nullopt;
    const bool done = row.phase == Progress::PHASE_COMPLETED;
    if (row.phase == Progress::PHASE_FAILED && evidence_.orderly) return std::nullopt;
    const auto deletion = deleted_.find(LedgerKey(row.address, ResourceChange::ACTION_DELETE));
    if (done && deletion != deleted_.end() && !row.id.empty() && deletion->second == row.id) return std::nullopt;
    LostResource lost{row.address, row.resource_type, done ? row.id : "", row.started, "", ""};
    const auto in_state = evidence_.state.find(row.address);
    if (in_state == evidence_.state.end()) return lost;
    if (done && in_state->second == row.id) return std::nullopt;
    const bool former = in_state->second == Lookup(evidence_.before, row.address);
    // Another id than before the run: what the run made was saved.
    if (!former) return std::nullopt;
    lost.replaces = in_state->second;
    if (deletion == deleted_.end()) {
      lost.question = absl::StrCat("it was being replaced, and the former one, ", in_state->second,
                                   ", may still be there: import the one and remove the other by hand");
    }
    return lost;
  }

 private:
  const Evidence& evidence_;
  std::map<std::string, std::string> deleted_;  // ids by ledger key
};

// What is left to be given away in Assign.
class Candidates {
 public:
  Candidates(const std::vector<LostResource>& lost, const std::vector<engine::Found>& found,
             const std::set<std::string>& taken) {
    for (const LostResource& resource : lost) {
      std::set<std::string>& ids = by_address_[resource.address];
      for (const engine::Found& one : found) {
        if (one.address != resource.address) continue;
        for (const std::string& id : one.ids) {
          if (!taken.contains(absl::StrCat(resource.type, "/", id))) ids.insert(id);
        }
      }
    }
  }

  // An id that is the only one for its address is nobody else's.
  void TakeSingles(Assignment* assignment) {
    for (bool changed = true; changed;) {
      changed = false;
      for (auto& [address, ids] : by_address_) {
        if (ids.size() != 1 || !IsUnrivalled(address, *ids.begin())) continue;
        Give(address, *ids.begin(), assignment);
        changed = true;
        break;
      }
    }
  }

  void TakeGroups(Assignment* assignment) {
    while (!by_address_.empty()) {
      const std::set<std::string> ids = by_address_.begin()->second;
      std::vector<std::string> group;
      for (const auto& [address, others] : by_address_) {
        if (others == ids) group.push_back(address);
      }
      Settle(group, ids, assignment);
    }
  }

 private:
  // Addresses that have the very same single candidate are a group, which TakeGroups settles.
  bool IsUnrivalled(const std::string& address, const std::string& id) const {
    return std::none_of(by_address_.begin(), by_address_.end(), [&](const auto& other) {
      return other.first != address && other.second.size() == 1 && *other.second.begin() == id;
    });
  }

  void Give(const std::string& address, const std::string id, Assignment* assignment) {
    assignment->imports.push_back({address, id});
    assignment->notes.push_back(absl::StrCat(address, " had been made, with the id ", id, ": it is imported"));
    by_address_.erase(address);
    for (auto& [other, ids] : by_address_) ids.erase(id);
  }

  void Settle(const std::vector<std::string>& group, const std::set<std::string>& ids, Assignment* assignment) {
    const bool overlaps = std::any_of(by_address_.begin(), by_address_.end(), [&](const auto& other) {
      return other.second != ids &&
             std::any_of(ids.begin(), ids.end(), [&](const std::string& id) { return other.second.contains(id); });
    });
    if (ids.size() > group.size() || (overlaps && !ids.empty())) {
      for (const std::string& address : group) {
        assignment->undecided.push_back(address);
        assignment->notes.push_back(absl::StrCat(address, " may be any of ", absl::StrJoin(ids, ", "),
                                                 ": import the right one and remove what is left over"));
        by_address_.erase(address);
      }
      return;
    }
    auto id = ids.begin();
    for (const std::string& address : group) {
      if (id != ids.end()) {
        Give(address, *id++, assignment);
        continue;
      }
      assignment->absent.push_back(address);
      assignment->notes.push_back(absl::StrCat(address, " had been begun, but was not made"));
      by_address_.erase(address);
    }
  }

  std::map<std::string, std::set<std::string>> by_address_;
};

Action ActionOf(const nlohmann::json& actions) {
  std::set<std::string> names;
  for (const auto& action : actions) {
    if (action.is_string()) names.insert(action.get<std::string>());
  }
  if (names.contains("create") && names.contains("delete")) return ResourceChange::ACTION_REPLACE;
  if (names.contains("create")) return ResourceChange::ACTION_CREATE;
  if (names.contains("delete")) return ResourceChange::ACTION_DELETE;
  if (names.contains("update")) return ResourceChange::ACTION_UPDATE;
  if (names.contains("forget")) return ResourceChange::ACTION_MOVE;
  return names.contains("read") ? ResourceChange::ACTION_READ : ResourceChange::ACTION_NO_OP;
}

std::string_view Verb(Action action) {
  switch (action) {
    case ResourceChange::ACTION_CREATE: return "make";
    case ResourceChange::ACTION_UPDATE: return "change";
    case ResourceChange::ACTION_REPLACE: return "replace";
    case ResourceChange::ACTION_DELETE: return "destroy";
    default: return "touch";
  }
}

// Whether a run that had planned `planned` for a resource would also do `now` to it.
bool Covers(Action planned, Action now) {
  switch (now) {
    case ResourceChange::ACTION_CREATE:
      return planned == ResourceChange::ACTION_CREATE || planned == ResourceChange::ACTION_REPLACE;
    case ResourceChange::ACTION_UPDATE:
      return planned == ResourceChange::ACTION_CREATE || planned == ResourceChange::ACTION_UPDATE ||
             planned == ResourceChange::ACTION_REPLACE;
    case ResourceChange::ACTION_DELETE:
      return planned == ResourceChange::ACTION_DELETE || planned == ResourceChange::ACTION_REPLACE;
    default: return planned == now;
  }
}

bool ChangesNothing(Action action) {
  return action == ResourceChange::ACTION_NO_OP || action == ResourceChange::ACTION_READ ||
         action == ResourceChange::ACTION_IMPORT || action == ResourceChange::ACTION_MOVE;
}

void AddPlanned(const v1::ResourceChange& change, Intentions* intentions) {
  const auto [planned, is_new] = intentions->planned.emplace(change.address(), change.action());
  if (is_new || planned->second == change.action()) return;
  // Two that look alike once their keys are redacted: what was planned for which cannot be told any more.
  const bool alike = absl::StrContains(change.address(), core::ToAbsl(engine::Redactor::kInstead));
  planned->second = alike ? ResourceChange::ACTION_UNSPECIFIED : change.action();
}

}  // namespace

std::string LedgerKey(std::string_view address, Action action) {
  std::string key(address);
  if (action == ResourceChange::ACTION_DELETE) key.append(kDeletion);
  return key;
}

bool IsRemote(std::string_view resource_type) {
  static const std::set<std::string, std::less<>> local = {
      "terraform_data", "null_resource", "random_id",   "random_integer", "random_password", "random_pet",
      "random_shuffle", "random_string", "random_uuid", "time_sleep",     "time_static",     "time_rotating"};
  return !local.contains(resource_type);
}

std::vector<LostResource> FindLost(const Evidence& evidence) {
  const Reconciliation reconciliation(evidence);
  std::vector<LostResource> lost;
  for (const store::LedgerRow& row : evidence.ledger) {
    if (auto resource = reconciliation.Judge(row)) lost.push_back(*std::move(resource));
  }
  return lost;
}

Assignment Assign(const std::vector<LostResource>& lost, const std::vector<engine::Found>& found,
                  const std::set<std::string>& taken) {
  Assignment assignment;
  Candidates candidates(lost, found, taken);
  candidates.TakeSingles(&assignment);
  candidates.TakeGroups(&assignment);
  return assignment;
}

absl::StatusOr<std::vector<PlannedResource>> ReadPlan(std::string_view show_json) {
  const auto plan = nlohmann::json::parse(show_json, nullptr, /*allow_exceptions=*/false);
  if (!plan.is_object()) return absl::InvalidArgumentError("the engine's plan is not a JSON object");
  std::vector<PlannedResource> resources;
  const auto changes = plan.find("resource_changes");
  if (changes == plan.end() || !changes->is_array()) return resources;
  for (const auto& entry : *changes) {
    const auto change = entry.is_object() ? entry.find("change") : entry.end();
    if (!entry.is_object() || change == entry.end() || !change->is_object()) {
      return absl::InvalidArgumentError("a change of the engine's plan is not an object");
    }
    if (entry.value("mode", "") != "managed") continue;
    PlannedResource resource;
    resource.address = entry.value("address", "");
    resource.type = entry.value("type", "");
    resource.action = ActionOf(change->value("actions", nlohmann::json::array()));
    resource.importing = change->contains("importing") && !change->at("importing").is_null();
    if (const auto after = change->find("after"); after != change->end()) {
      resource.after_json = after->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
    resources.push_back(std::move(resource));
  }
  return resources;
}

Intentions IntentionsOf(const std::vector<v1::RunEvent>& events) {
  Intentions intentions;
  for (const v1::RunEvent& event : events) {
    if (event.has_status_changed() && (event.status_changed().to() == v1::RUN_STATUS_INTERRUPTED ||
                                       event.status_changed().to() == v1::RUN_STATUS_RECOVERING)) {
      break;  // what comes later was planned by a recovery
    }
    if (event.has_planned_change()) AddPlanned(event.planned_change(), &intentions);
    if (event.has_summary() || event.has_progress()) intentions.known = true;
  }
  return intentions;
}

std::vector<std::string> Objections(const std::vector<PlannedResource>& plan, const Intentions& intentions,
                                    const std::set<std::string>& imported, const std::set<std::string>& undecided) {
  std::vector<std::string> objections;
  for (const PlannedResource& resource : plan) {
    if (ChangesNothing(resource.action)) continue;
    const auto object = [&](std::string_view why) {
      objections.push_back(absl::StrCat("the plan would ", core::ToAbsl(Verb(resource.action)), " ", resource.address,
                                        ", ", core::ToAbsl(why)));
    };
    if (undecided.contains(resource.address)) {
      object("which may be there already");
    } else if (imported.contains(resource.address) && resource.action != ResourceChange::ACTION_UPDATE) {
      object("which the interrupted run has just made");
    } else if (intentions.known) {
      const auto planned = intentions.planned.find(resource.told.empty() ? resource.address : resource.told);
      if (planned == intentions.planned.end() || !Covers(planned->second, resource.action)) {
        object("which the interrupted run had not planned");
      }
    }
  }
  return objections;
}

std::vector<engine::Import> HarmlessImports(const std::vector<PlannedResource>& plan,
                                            const std::vector<engine::Import>& imports) {
  std::vector<engine::Import> harmless;
  for (const engine::Import& import : imports) {
    const bool harmful = std::any_of(plan.begin(), plan.end(), [&](const PlannedResource& resource) {
      return resource.address == import.address &&
             (resource.action == ResourceChange::ACTION_REPLACE || resource.action == ResourceChange::ACTION_DELETE ||
              resource.action == ResourceChange::ACTION_CREATE);
    });
    if (!harmful) harmless.push_back(import);
  }
  return harmless;
}

}  // namespace stratus::provisioning::service
