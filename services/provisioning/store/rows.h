// What the store keeps, a struct a table. Blobs that hold secrets are sealed (seal.h) before they come here.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "stratus/provisioning/v1/credentials.pb.h"
#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::provisioning::store {

// A stack. `record` is what GetStack gives, but for what stands beside it: those fields are filled in on reading
// (service/present.h) and are empty in the stored record.
struct StackRow {
  std::string uid;     // 20 characters of [a-z0-9], never used twice
  std::string tenant;  // never empty
  std::string id;      // unique within the tenant
  v1::Stack record;
  std::string sealed_variables;  // every variable, sensitive ones too: sealed JSON object
  std::string
      sealed_outputs;   // of the last apply, as the engine gave them ({name: {value, type, sensitive}}); or empty
  int64_t version = 1;  // the etag; goes up by one with every Put

  // The lease: who may run the engine over this stack now. The epoch goes up with every grant and every revocation and
  // never down; state writes of an older epoch are refused.
  int64_t epoch = 0;
  std::string lease_run;     // uid of the run that has it; empty: nobody
  std::string lease_holder;  // the replica that looks after that run
  absl::Time lease_expires = absl::InfinitePast();

  // The engine's own lock (LOCK/UNLOCK of the HTTP backend). Counts only while lock_epoch == epoch and lease_run is
  // set.
  std::string lock_id;
  std::string lock_info;  // the engine's JSON, as it came
  int64_t lock_epoch = 0;

  int64_t state_serial = 0;                              // of the newest state version; 0: none
  absl::Time expire_time = absl::InfiniteFuture();       // TTL
  absl::Time next_drift_check = absl::InfiniteFuture();  // when to queue a REFRESH_ONLY run
};

// A run. `record` is what GetRun gives, but for queue_position.
struct RunRow {
  std::string uid;  // 20 characters of [a-z0-9]; names the run and its operation
  std::string stack_uid;
  std::string stack_id;
  std::string tenant;
  v1::Run record;
  int64_t version = 1;           // goes up by one with every Put
  std::string sealed_variables;  // what this run applies: a snapshot
  int64_t epoch = 0;             // of the lease it was last granted
  bool cancel_requested = false;
  bool force_cancel_requested = false;
  bool deletes_stack = false;  // a DESTROY that removes the stack when it ends well
  std::string work_folder;     // absolute, on the holder's disk; empty before the first launch
};

struct EventRow {
  int64_t sequence = 0;  // 1, 2, ... within the run
  v1::RunEvent event;
};

// What the engine did, or began to do, to one resource: what recovery compares with the state.
struct LedgerRow {
  std::string address;        // `digitalocean_ssh_key.key["a"]`
  std::string resource_type;  // `digitalocean_ssh_key`
  v1::ResourceChange::Action action = v1::ResourceChange::ACTION_UNSPECIFIED;
  v1::RunEvent::ResourceProgress::Phase phase = v1::RunEvent::ResourceProgress::PHASE_UNSPECIFIED;  // the latest
  std::string id_key;                                                                               // `id`
  std::string id;  // at the provider, once known
  absl::Time started = absl::InfinitePast();
};

struct StateVersionRow {
  int64_t serial = 0;
  v1::StateVersion record;  // without name
  std::string sealed;       // the state; empty in lists
};

// What opens a provider for a tenant's runs, or for those of one of its stacks: one version of it.
struct CredentialRow {
  std::string uid;        // of the version; never used twice
  std::string tenant;     // never empty
  std::string stack_id;   // empty: the tenant's own. The stack may not be there yet
  std::string provider;   // `digitalocean`, `acme.rockets` (domain/credential_rules.h)
  v1::Credential record;  // as GetCredential gives it, but for name and etag
  std::string sealed;     // a JSON object of its environment variables
};

// An answer that a request_id got. The payload's hash tells a repeat from a misuse.
struct IdempotencyRow {
  std::string tenant;
  std::string method;  // `CreateStack`
  std::string request_id;
  std::string payload_hash;  // SHA-256 of the deterministic serialization, request_id left out
  std::string reply;         // serialized
  absl::Time expires;
};

}  // namespace stratus::provisioning::store
