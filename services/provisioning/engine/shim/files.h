// The small files by which the shim tells the service what there is.
#pragma once

#include <sys/types.h>

#include "services/provisioning/engine/shim/supervisor.h"

namespace stratus::shim {

// What is on the disk when a write returns.
enum class Durability {
  kNone,
  kText,     // the text, before its name is there
  kNameToo,  // the name as well, with all earlier changes of the folder
};

// Puts `text` in place of DIR/NAME, whole or not at all.
bool WriteFile(int dir, const char* name, const char* text, Durability durability);

// `PID START_TICKS BOOT_ID\n`: what tells a process from a later one that got its number. START_TICKS is field 22 of
// /proc/PID/stat.
bool WritePidFile(int dir, const char* name, pid_t pid, Durability durability);

// `{"code":0,"signal":0,"timed_out":false,"exceeded":""}` into exit.json. Its text is on the disk before its name is
// there; that the name is lost with the machine is safe: an end that nobody knows is looked into.
bool WriteExit(int dir, const Ending& ending);

}  // namespace stratus::shim
