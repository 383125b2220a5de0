// stratusd: the gateway and every service in one process.
//
// The door and the services are the same code as in the programs of their own, and tokens are checked at both. What is
// between them stays between them: the services listen on private Unix sockets unless told otherwise.
#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "lib/core/status.h"
#include "lib/core/termination_signal.h"
#include "services/all_in_one/platform.h"

namespace {

using namespace stratus;

void AddFlags(CLI::App* app, all_in_one::Flags* flags) {
  app->add_option("--listen", flags->listen, "Where clients connect: HOST:PORT")->capture_default_str();
  app->add_option("--weather-listen", flags->weather_listen,
                  "The WeatherService's own port, HOST:PORT or unix:PATH; default: a private Unix socket");
  app->add_option("--provisioning-listen", flags->provisioning_listen,
                  "The ProvisioningService's own port, HOST:PORT or unix:PATH; default: a private Unix socket");
  provisioning::AddServiceFlags(app, &flags->provisioning);
  app->add_option("--sandbox-listen", flags->sandbox_listen, "The sandbox's port, in development")
      ->capture_default_str();
  app->add_option("--profile", flags->profile, "development or production")
      ->envname("STRATUS_PROFILE")
      ->check(CLI::IsMember({"development", "production"}))
      ->capture_default_str();
  app->add_option("--config", flags->config, "The gateway's configuration, YAML (stratus.config.v1.Gateway)");
  app->add_option("--descriptors", flags->descriptors, "The platform's FileDescriptorSet")->required();
  app->add_option("--docs-dir", flags->docs_dir, "Swagger UI's files; without it there is no /docs");
  app->add_option("--threads", flags->threads, "Worker threads of the gateway; 0: one a CPU")
      ->check(CLI::Range(0, 256));
  program::AddFlags(app, &flags->program);
}

}  // namespace

int main(int argc, char** argv) {
  core::TerminationSignal termination;  // before any thread starts
  all_in_one::Flags flags;
  CLI::App app("The whole platform in one process: the gateway and every service");
  AddFlags(&app, &flags);
  CLI11_PARSE(app, argc, argv);
  auto platform = all_in_one::Platform::Start(flags, app);
  if (!platform.ok()) {
    std::cerr << "stratusd: " << core::ToStd(platform.status().message()) << "\n";
    return 1;
  }
  (*platform)->AwaitEnd(&termination);
  (*platform)->Drain();
  return 0;
}
