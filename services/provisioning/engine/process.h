// Processes that outlive us: told apart by start time and boot, signalled without races, found by session.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/engine/unique_fd.h"

namespace stratus::provisioning::engine {

struct ProcessId {
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat
  std::string boot_id;
};

// A file as the shim writes it. NOT_FOUND, or DATA_LOSS for one that is torn.
absl::StatusOr<ProcessId> ReadPidFile(const std::string& path);

// Not when it is a zombie, another process with its number, or of another boot.
bool IsAlive(const ProcessId& process);

// A descriptor that becomes readable when the process ends; invalid when it is gone already.
UniqueFd OpenProcess(const ProcessId& process);

// False when it is gone. The signal never reaches another process that got its number.
bool SendSignal(const ProcessId& process, int signal);

// What marks a run's processes in their environment. By its folder: run uids are unique within one data folder only.
std::string RunMarker(const std::string& run_folder);

// Every living process that belongs to a run: the `leaders` themselves (its shims, engines and sandboxes), those of the
// sessions that they lead, those marked, and those at work in its folder and of such a session's number.
std::vector<ProcessId> FindRunProcesses(const std::string& run_folder, const std::vector<ProcessId>& leaders);

// SIGKILL to all of them, again and again until none is left. DEADLINE_EXCEEDED names one that remains.
absl::Status KillRunProcesses(const std::string& run_folder, const std::vector<ProcessId>& leaders,
                              absl::Duration timeout);

// From here on the orphans of what this process starts (shims, and what a killed one leaves) are handed to it rather
// than to the system's first process, which in a container may be this one, or one that never looks after them.
void BecomeSubreaper();

// Reaps the dead among what was handed to this process: its children of other sessions than its own. Those that it
// started itself and waits for are of its own session.
void ReapOrphans();

struct Finished {
  int code = -1;  // 128 + signal when killed
  std::string out;
  std::string err;
};

struct ProgramCall {
  std::vector<std::string> arguments;    // the program's path first
  std::vector<std::string> environment;  // NAME=value
  std::string folder = "/";
  absl::Duration timeout = absl::Seconds(30);
  size_t output_bytes_max = size_t{8} << 20;  // of each stream; what is beyond is dropped
  std::string input = {};                     // its stdin; never on a disk
};

// Runs a program to its end. DEADLINE_EXCEEDED: it was killed, with all of its process group.
absl::StatusOr<Finished> RunProgram(const ProgramCall& call);

}  // namespace stratus::provisioning::engine
