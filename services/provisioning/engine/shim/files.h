// The small files by which the shim tells the service what there is.
#pragma once

#include <sys/types.h>

namespace stratus::shim {

// Puts `text` in place of DIR/NAME, whole or not at all. With `durable` it and all earlier changes of the folder are on
// the disk when this returns.
bool WriteFile(int dir, const char* name, const char* text, bool durable);

// `PID START_TICKS BOOT_ID\n`: what tells a process from a later one that got its number. START_TICKS is field 22 of
// /proc/PID/stat.
bool WritePidFile(int dir, const char* name, pid_t pid, bool durable);

// `{"code":0,"signal":0,"timed_out":false}` of a status as waitpid gives it, into exit.json.
bool WriteExit(int dir, int status, bool timed_out);

}  // namespace stratus::shim
