// A program beside the engine, outside of its sandbox: the run's way to the net. It is given the sockets that the run
// finds in its sandbox, listening, before the engine begins; so no connection comes too early.
#pragma once

#include <sys/types.h>

#include "services/provisioning/engine/shim/spec.h"

namespace stratus::shim {

// Makes the spec's doors and starts its companion: descriptor 3 is a pidfd of `engine`, from 4 on there are the doors,
// in their order; what it says of itself goes to `errors`. Interrupts are not for it: it ends with the engine. 0 when
// the spec has none, -1 with errno when it cannot be.
pid_t StartCompanion(const Spec& spec, pid_t engine, int errors);

}  // namespace stratus::shim
