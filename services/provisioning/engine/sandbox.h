// The command line under which an engine runs: bubblewrap for the namespaces and the mounts, then `stratus-shim enter`
// inside of them, which gives up every right, and becomes the engine.
//
// Inside there are the system's programs and libraries read-only, a /proc and a /dev of its own, a /tmp of bounded
// size, and the work folder, at the path that it has outside: the one place that can be written to and that stays. What
// else a run may see is named in SandboxSpec.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "services/provisioning/engine/isolation.h"

namespace stratus::provisioning::engine {

// A path outside, and where it is inside.
struct Bind {
  std::string from;
  std::string to;
};

struct SandboxSpec {
  std::string work_folder;
  std::vector<std::string> readable = {};        // at the same path inside; empty ones are passed over
  std::vector<Bind> binds = {};                  // read-only; a Unix socket can be connected to nevertheless
  std::vector<std::string> command_prefix = {};  // put before the engine's own command line, inside
  bool own_network = false;                      // nothing but a loopback of its own; of the strict tier only
  uid_t uid = 0;                                 // who it becomes; 0: who it is
  int processes = 0;                             // at most, threads counted; 0: no limit, as of those below
  int64_t memory_bytes = 0;                      // written, of each process
  int64_t file_bytes = 0;                        // of each file
  int open_files = 0;                            // of each process
  bool waits_for_go = false;                     // for the shim: see shim/enter.h
  bool dies_with_parent = false;                 // for a program that is waited for, by RunProgram
};

// How many processes a sandbox is held to that may have `wanted`: where they are counted for the whole user, enough for
// his other programs too. There it is to stop a bomb alone.
int ProcessesMax(const Isolation& isolation, int wanted);

// `command` in its sandbox. In tier off it is only entered: nothing is kept from it.
std::vector<std::string> SandboxCommand(const Isolation& isolation, const SandboxSpec& spec,
                                        const std::vector<std::string>& command);

}  // namespace stratus::provisioning::engine
