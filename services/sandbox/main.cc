// stratus-sandbox: the stand-ins as a program of their own.

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <string_view>

#include "lib/core/ready_file.h"
#include "lib/core/termination_signal.h"
#include "services/sandbox/sandbox.h"

namespace {

constexpr std::string_view kControls = R"(Controls (JSON in and out; bodies labelled application/json):
  POST   /admin/token         a token: {client_id, scope, ttl_seconds, username, groups, roles_claim, roles, claims}
  POST   /admin/clients       a client: {client_id, client_secret, scopes}
  POST   /admin/rotate        a new signing key; ?drop_old=true forgets the old ones
  POST   /admin/faults        {target, kind, status, delay_ms, count, bytes, retry_after}
                              targets: token, jwks, openweather, openmeteo, geocoding, digitalocean and
                              digitalocean.read, .create, .change, .delete; kinds: status, slow, html, truncated, cut,
                              huge, garbage, empty, drop (the effect, but no reply). Target digitalocean.boot takes
                              kind stuck: droplets that stay `new`; target xray is the daemon's TCP side,
                              otlp is POST /v1/traces
  DELETE /admin/faults        clears all faults
  GET    /admin/calls         calls so far, by target
  GET    /admin/digitalocean  all that there is, of all accounts, and creates in flight
  POST   /admin/digitalocean  {create_ms_min, create_ms_max, boot_ms_min, boot_ms_max, calls_per_hour, release_stuck}
  POST   /admin/sampling      {fixed_rate, reservoir_size}: what the X-Ray daemon tells samplers; 1 and 1 at the start.
                               {pages}: of the rules, 1 at the start; {unprocessed}: statistics to refuse from now on
  GET    /traces              the traces that the X-Ray daemon got; DELETE forgets them
  POST   /v1/traces           X-Ray's OTLP endpoint in us-east-1: JSON, signed by AKIASANDBOX and sandbox-secret, or by
                              the temporary ASIASANDBOX, sandbox-temporary-secret, sandbox-session/token+==)";

int Fail(const absl::Status& status) {
  std::cerr << "stratus-sandbox: " << status.message() << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  stratus::core::TerminationSignal termination;
  CLI::App app(
      "Stand-ins for development and tests: a Cognito-shaped issuer, OpenWeather, Open-Meteo, DigitalOcean (/v2), an "
      "X-Ray daemon (/traces). Their controls, faults on demand among them, are under /admin.");
  app.footer(std::string(kControls));
  std::string listen = "127.0.0.1:8090";
  std::string xray_listen = "127.0.0.1:0";
  std::string ready_file;
  stratus::sandbox::Options options;
  app.add_option("--listen", listen, "HOST:PORT to serve on; port 0 takes a free one")->capture_default_str();
  app.add_option("--xray-listen", xray_listen, "HOST:PORT of the X-Ray daemon (UDP and TCP); port 0 takes a free one")
      ->capture_default_str();
  app.add_option("--ready-file", ready_file, "where to write the bound address as JSON once ready");
  app.add_option("--profile", options.profile, "development, or it does not start")
      ->envname("STRATUS_PROFILE")
      ->capture_default_str();
  app.add_option("--digitalocean-token", options.digitalocean_token,
                 "a token to take beside those that begin with dop_; each token is an account of its own");
  app.add_option("--public-url", options.public_url, "the origin that tokens name as issuer, if not the bound address");
  CLI11_PARSE(app, argc, argv);

  const auto address = stratus::core::ParseAddress(listen);
  if (!address.ok()) return Fail(address.status());
  if (address->is_unix()) return Fail(absl::InvalidArgumentError("--listen: the sandbox serves on TCP alone"));
  options.listen = *address;
  const auto xray_address = stratus::core::ParseAddress(xray_listen);
  if (!xray_address.ok()) return Fail(xray_address.status());
  if (xray_address->is_unix()) return Fail(absl::InvalidArgumentError("--xray-listen: the X-Ray daemon has a port"));
  options.xray_listen = *xray_address;
  const auto sandbox = stratus::sandbox::Sandbox::Start(std::move(options));
  if (!sandbox.ok()) return Fail(sandbox.status());
  if (!ready_file.empty()) {
    const absl::Status written = stratus::core::WriteReadyFile(
        ready_file, {{"sandbox", (*sandbox)->address()}, {"xray", (*sandbox)->xray_address()}});
    if (!written.ok()) return Fail(written);
  }
  termination.Wait();
  return 0;
}
