// The platform as stratusd runs it: what starts after what, and what ends before what.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lib/program/program.h"
#include "services/provisioning/service/service_options.h"

namespace stratus::all_in_one {

struct Flags {
  std::string listen = "127.0.0.1:8080";
  std::string weather_listen;       // empty: a private Unix socket
  std::string provisioning_listen;  // likewise
  std::string sandbox_listen = "127.0.0.1:8090";
  std::string profile = "production";
  std::string config;
  std::string descriptors;
  std::string docs_dir;
  int threads = 0;
  provisioning::ServiceFlags provisioning;
  program::Flags program;
};

class Platform {
 public:
  // Starts everything and writes the ready file. An error says which part could not start and what to do; what had
  // started is ended.
  static absl::StatusOr<std::unique_ptr<Platform>> Start(const Flags& flags, const CLI::App& app);
  ~Platform();
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  // Until SIGTERM or SIGINT; not ready from then on.
  void AwaitEnd(core::TerminationSignal* termination);
  // The door first, so that no call finds its service gone; then the services; then what they use.
  void Drain();

 private:
  struct Parts;
  explicit Platform(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace stratus::all_in_one
