// What comes due by the clock: stacks that expire, drift to be looked for, rows and folders that nobody needs any more.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/provisioning/service/runtime/runtime_parts.h"

namespace stratus::provisioning::service {

// What is to be done about a stack that is due at `now`.
enum class Due {
  kNothing,     // something stands in the way: it is looked at again later
  kDestroy,     // expired: a DESTROY run that deletes it
  kCheckDrift,  // a REFRESH_ONLY run
};
// `busy`: the stack has an open run.
Due WhatIsDue(const store::StackRow& stack, bool busy, absl::Time now);

class Housekeeping {
 public:
  explicit Housekeeping(const RuntimeParts* parts) : parts_(*parts) {}

  // One round. Replicas may do it at once: each run is queued once.
  void Once(absl::Time now);

 private:
  void QueueDue(absl::Time now);
  absl::Status Queue(const std::string& stack_uid, absl::Time now);
  void RemoveFolders();
  void CountOpenRuns();

  const RuntimeParts& parts_;
};

}  // namespace stratus::provisioning::service
