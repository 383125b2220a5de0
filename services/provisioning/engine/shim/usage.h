// What a run uses of this machine beyond what the kernel's own limits bound: room and names in its work folder, output,
// and, all its processes together, memory and processes. Looked at now and then: what is exceeded is exceeded by a
// moment's worth.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "services/provisioning/engine/shim/spec.h"

namespace stratus::shim {

struct Outputs {
  int events = -1;
  int errors = -1;
};

class Usage {
 public:
  // `spec` outlives it. `sandbox` is the first process of the run's PID namespace, or 0: without one it is not known
  // which processes are the run's, and they are not looked at.
  Usage(const Spec& spec, const Outputs& outputs, pid_t sandbox);

  // The name of a limit that is exceeded: disk, files, output, memory, processes; else nullptr.
  const char* Exceeded() const;

 private:
  const Spec& spec_;
  const Outputs outputs_;
  const uint64_t pid_namespace_;
};

}  // namespace stratus::shim
