// stratus-sandbox: the stand-ins as a program of their own.

#include <signal.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "lib/core/ready_file.h"
#include "services/sandbox/sandbox.h"

namespace {

int Fail(const absl::Status& status) {
  std::cerr << "stratus-sandbox: " << status.message() << "\n";
  return 1;
}

// SIGINT and SIGTERM are waited for, not handled: blocked before any thread starts, so that each inherits it.
sigset_t BlockStopSignals() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  return stop;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Stand-ins for development and tests: a Cognito-shaped issuer, OpenWeather, Open-Meteo.");
  std::string listen = "127.0.0.1:8090";
  std::string ready_file;
  stratus::sandbox::Options options;
  app.add_option("--listen", listen, "HOST:PORT to serve on; port 0 takes a free one")->capture_default_str();
  app.add_option("--ready-file", ready_file, "where to write the bound address as JSON once ready");
  app.add_option("--profile", options.profile, "development, or it does not start")
      ->envname("STRATUS_PROFILE")
      ->capture_default_str();
  app.add_option("--public-url", options.public_url, "the origin that tokens name as issuer, if not the bound address");
  CLI11_PARSE(app, argc, argv);

  const auto address = stratus::core::ParseAddress(listen);
  if (!address.ok()) return Fail(address.status());
  if (address->is_unix()) return Fail(absl::InvalidArgumentError("--listen: the sandbox serves on TCP alone"));
  options.listen = *address;
  const sigset_t stop = BlockStopSignals();
  const auto sandbox = stratus::sandbox::Sandbox::Start(std::move(options));
  if (!sandbox.ok()) return Fail(sandbox.status());
  if (!ready_file.empty()) {
    const absl::Status written = stratus::core::WriteReadyFile(ready_file, {{"sandbox", (*sandbox)->address()}});
    if (!written.ok()) return Fail(written);
  }
  int signal = 0;
  sigwait(&stop, &signal);
  return 0;
}
