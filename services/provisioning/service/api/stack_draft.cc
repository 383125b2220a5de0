#include "services/provisioning/service/api/stack_draft.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/domain/near_names.h"
#include "services/provisioning/domain/uid.h"
#include "services/provisioning/domain/variables.h"
#include "services/provisioning/domain/variables_json.h"
#include "services/provisioning/service/api/run_queue.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {

absl::StatusOr<const engine::ModuleEntry*> FindModule(const ApiParts& parts, const std::string& module_name) {
  constexpr std::string_view kPrefix = "modules/";
  if (module_name.compare(0, kPrefix.size(), kPrefix) != 0 || module_name.size() == kPrefix.size()) {
    return core::InvalidField("module", "must be `modules/{module}`");
  }
  const std::string id = module_name.substr(kPrefix.size());
  if (const auto found = parts.modules->find(id); found != parts.modules->end()) return &found->second;
  std::vector<std::string> names;
  for (const auto& [name, entry] : *parts.modules) names.push_back(name);
  return absl::NotFoundError(
      absl::StrCat("there is no module `", id.substr(0, 64), "`", domain::DidYouMean(id, names)));
}

absl::Status SetVariables(const ApiParts& parts, const engine::ModuleEntry& module,
                          const google::protobuf::Struct& variables, store::StackRow* row) {
  absl::StatusOr<std::string> sealed = parts.sealer->Seal(StackVariablesContext(row->uid), domain::ToJson(variables));
  if (!sealed.ok()) return sealed.status();
  row->sealed_variables = *std::move(sealed);
  domain::ShownVariables shown = domain::HideSensitive(variables, module.module);
  row->record.mutable_variables()->Swap(&shown.shown);
  row->record.clear_sensitive_variables();
  for (std::string& name : shown.sensitive) row->record.add_sensitive_variables(std::move(name));
  return absl::OkStatus();
}

store::StackRow NewStackRow(const ApiParts& parts, const std::string& tenant, const std::string& id,
                            const engine::ModuleEntry& module) {
  store::StackRow row;
  row.uid = domain::NewUid();
  row.tenant = tenant;
  row.id = id;
  row.record.set_name(domain::StackName(id));
  row.record.set_uid(row.uid);
  row.record.set_module(module.module.name());
  row.record.set_module_version(module.module.version());
  row.record.set_state(v1::Stack::STATE_NEW);
  *row.record.mutable_create_time() = domain::ToProto(parts.clock->Now());
  *row.record.mutable_update_time() = row.record.create_time();
  return row;
}

std::string MakeStackId(const std::string& module) {
  return absl::StrCat(module.substr(0, 54), "-", domain::NewUid().substr(0, 8));
}

absl::Status InsertStack(const ApiParts& parts, store::Transaction& transaction, const store::StackRow& row) {
  absl::StatusOr<store::TenantUse> use = transaction.Use(row.tenant);
  if (!use.ok()) return use.status();
  const int limit = parts.settings.quota.stacks_max;
  // A name that is taken is told before a quota that is reached: the caller would have to change it anyway.
  const absl::StatusOr<store::StackRow> taken = transaction.GetStack(row.tenant, row.id);
  if (taken.ok()) return absl::AlreadyExistsError(absl::StrCat(domain::StackName(row.id), " exists already"));
  if (taken.status().code() != absl::StatusCode::kNotFound) return taken.status();
  if (use->stacks >= limit) return QuotaReached(row.tenant, "stacks", limit);
  const absl::Status inserted = transaction.InsertStack(row);
  if (inserted.code() == absl::StatusCode::kAlreadyExists) {
    return absl::AlreadyExistsError(absl::StrCat(domain::StackName(row.id), " exists already"));
  }
  return inserted;
}

}  // namespace stratus::provisioning::service
