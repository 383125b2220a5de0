#include "services/provisioning/service/runtime/evidence.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "services/provisioning/service/runtime/state_document.h"

namespace stratus::provisioning::service {
namespace {

using Ids = std::map<std::string, std::string>;

absl::StatusOr<Ids> IdsIn(const absl::StatusOr<std::optional<std::string>>& text) {
  if (!text.ok()) return text.status();
  if (!text->has_value()) return Ids();
  absl::StatusOr<StateDocument> state = ReadState(**text);
  if (!state.ok()) return state.status();
  return IdsByAddress(*state);
}

}  // namespace

absl::StatusOr<Evidence> GatherEvidence(const RuntimeParts& parts, const std::string& run_uid,
                                        const std::string& stack_uid, bool orderly) {
  Evidence evidence;
  evidence.orderly = orderly;
  absl::StatusOr<std::vector<store::LedgerRow>> ledger = parts.store->Ledger(run_uid);
  if (!ledger.ok()) return ledger.status();
  evidence.ledger = *std::move(ledger);
  // Nothing was begun, so nothing can be lost, whatever the states say.
  if (evidence.ledger.empty()) return evidence;
  absl::StatusOr<Ids> now = IdsIn(parts.keeper->Newest(stack_uid));
  if (!now.ok()) return now.status();
  absl::StatusOr<Ids> before = IdsIn(parts.keeper->Before(stack_uid, run_uid));
  if (!before.ok()) return before.status();
  evidence.state = *std::move(now);
  evidence.before = *std::move(before);
  return evidence;
}

}  // namespace stratus::provisioning::service
