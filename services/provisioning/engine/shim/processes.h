// The processes of this machine, as /proc shows them.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace stratus::shim {

// Reads a small file of /proc into a NUL-ended buffer.
bool ReadProc(const char* path, char* buffer, size_t size);

struct ProcStat {
  pid_t parent = 0;
  pid_t session = 0;
  int64_t threads = 0;
  unsigned long long start_ticks = 0;
};
bool ReadStat(pid_t pid, ProcStat* stat);

// What tells the PID namespace of a process from others; 0 when it cannot be seen.
uint64_t PidNamespace(pid_t pid);

// Calls `visit(pid, context)` for each process but this one.
void ForEachProcess(void (*visit)(pid_t pid, void* context), void* context);

// To every process of the session that `leader` leads but this one and `spared`.
void SignalSession(pid_t leader, int signal, pid_t spared);

// To every process of the namespace but the two; how many there were.
int SignalNamespace(uint64_t pid_namespace, int signal, pid_t spared, pid_t spared_too);

// To every child of this process.
void SignalChildren(int signal);

}  // namespace stratus::shim
