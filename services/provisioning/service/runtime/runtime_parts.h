// What the runtime works with, and how it is set. Everything outlives the scheduler and its workers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "services/provisioning/domain/approval.h"
#include "services/provisioning/egress/record.h"
#include "services/provisioning/engine/catalog.h"
#include "services/provisioning/engine/engine.h"
#include "services/provisioning/engine/finder.h"
#include "services/provisioning/service/audit_log.h"
#include "services/provisioning/service/credentials.h"
#include "services/provisioning/service/egress_rules.h"
#include "services/provisioning/service/runtime/state_backend.h"
#include "services/provisioning/service/runtime/state_keeper.h"
#include "services/provisioning/store/seal.h"
#include "services/provisioning/store/store.h"

namespace stratus::telemetry {
class Tracer;
}

namespace stratus::provisioning::service {

struct RuntimeOptions {
  std::string data_dir;
  std::string data_dir_id;  // tells folders of one machine from those of another
  engine::Limits limits;
  int runs_max = 8;             // at once, of this replica
  int runs_per_tenant_max = 4;  // over all replicas
  absl::Duration lease_ttl = absl::Seconds(30);
  absl::Duration heartbeat = absl::Seconds(10);
  absl::Duration poll = absl::Seconds(2);  // for what no notification told
  absl::Duration housekeeping = absl::Seconds(30);
  absl::Duration events_kept = absl::Hours(24 * 30);  // of runs that have ended
  absl::Duration find_patience = absl::Minutes(10);   // how long a provider may not answer a search
  int recoveries_max = 5;                             // of one run; past it a person has to look
  std::string relay;                                  // path of stratus-relay
  std::string egress;                                 // path of stratus-egress
  domain::ApprovalMinimums approval;                  // the API has the same
  bool recovery = true;                               // off: for tests, to see what is lost without it
};

// Counts since start; `open` as of the last look, of all replicas.
struct RuntimeCounters {
  std::array<std::atomic<int64_t>, v1::RunStatus_ARRAYSIZE> open = {};    // by status
  std::array<std::atomic<uint64_t>, v1::RunStatus_ARRAYSIZE> ended = {};  // by status
  std::atomic<uint64_t> claimed{0};
  std::atomic<uint64_t> taken_over{0};
  std::atomic<uint64_t> recoveries{0};
  std::atomic<uint64_t> imports{0};
  std::atomic<uint64_t> leases_lost{0};
  std::array<std::atomic<uint64_t>, egress::kOutcomes.size()> egress = {};  // connections of runs, by outcome
};

struct RuntimeParts {
  store::Store* store = nullptr;
  store::Sealer* sealer = nullptr;
  engine::Engine* engine = nullptr;
  const engine::Catalog* catalog = nullptr;
  engine::Finder* finder = nullptr;  // may be null: then nothing can be looked for
  const Credentials* credentials = nullptr;
  StateKeeper* keeper = nullptr;
  StateBackend* backend = nullptr;
  const EgressRules* egress = nullptr;
  AuditLog* audit = nullptr;  // may be null: then records are in the store alone
  RuntimeCounters* counters = nullptr;
  const telemetry::Tracer* tracer = nullptr;  // may be null
  RuntimeOptions options;
};

}  // namespace stratus::provisioning::service
