#include "services/provisioning/service/runtime/egress_records.h"

#include "lib/core/log.h"
#include "services/provisioning/egress/record.h"

namespace stratus::provisioning::service {
namespace {

bool IsRefusal(egress::Outcome outcome) {
  return outcome == egress::Outcome::kHost || outcome == egress::Outcome::kAddress ||
         outcome == egress::Outcome::kTooMany || outcome == egress::Outcome::kMalformed;
}

}  // namespace

void TakeEgressRecords(const std::vector<std::string>& lines, std::string_view run_uid, RuntimeCounters* counters) {
  for (const std::string& line : lines) {
    const auto record = egress::ParseRecord(line);
    if (!record) continue;
    counters->egress[static_cast<size_t>(record->outcome)].fetch_add(record->count, std::memory_order_relaxed);
    if (!IsRefusal(record->outcome)) continue;
    core::Log(core::Severity::kWarning, "a run was refused a connection",
              {{"run", run_uid},
               {"reason", egress::OutcomeName(record->outcome)},
               {"target", record->target},
               {"address", record->address},
               {"address_class", record->address_class},
               {"count", record->count}});
  }
}

}  // namespace stratus::provisioning::service
