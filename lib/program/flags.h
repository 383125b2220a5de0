// The flags that each program takes.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace stratus::program {

struct Flags {
  std::string admin_listen = "127.0.0.1:9090";
  std::string ready_file;
  std::string log_level = "info";
  std::string access_log = "stdout";
  int access_log_sample = 1;
  bool access_log_health = false;
  int drain_delay_seconds = 5;
  int drain_seconds = 20;
};

// What `flags` holds is the default of each. `flags` outlives `app`.
void AddFlags(CLI::App* app, Flags* flags);

}  // namespace stratus::program
