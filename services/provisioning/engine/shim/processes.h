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

// Tells a file from every other; 0 and 0: none.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
};
FileId IdOf(const char* path);

struct SparedProcesses {
  pid_t engine = 0;
  pid_t sandbox = 0;
  FileId program;  // whoever runs it
};

// To every process of the namespace but those; how many there were.
int SignalNamespace(uint64_t pid_namespace, int signal, const SparedProcesses& spared);

// To every child of this process.
void SignalChildren(int signal);

}  // namespace stratus::shim
