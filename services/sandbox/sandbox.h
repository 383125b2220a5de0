// Stand-ins for the clouds, for development and tests: a Cognito-shaped issuer, OpenWeather, Open-Meteo, DigitalOcean,
// with faults on demand (admin.h).
//
//   auto sandbox = sandbox::Sandbox::Start({.listen = address, .profile = "development"});
//   ... (*sandbox)->issuer_url(), (*sandbox)->base_url() ...
//
// Never in production: anyone who reaches it can have any token. It refuses to start there, and its keys live in its
// memory alone, so that no token outlives it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lib/core/address.h"
#include "lib/core/clock.h"
#include "lib/http_server/http_server.h"

namespace stratus::sandbox {

struct Options {
  core::Address listen = {};
  // The X-Ray daemon's port, UDP and TCP.
  core::Address xray_listen = {.host = "127.0.0.1", .port = 0, .unix_path = {}};
  // `development`; anything else is refused.
  std::string profile = "production";
  // Off where a real issuer's tokens are checked: then there is no token endpoint and no key set here.
  bool issues_tokens = true;
  // What tokens name as their issuer's origin, `http://sandbox:8090`; by default the bound address. For containers,
  // where the address that is bound is not the one that others use.
  std::string public_url = {};
  std::string pool_id = "us-east-1_sandbox";
  // The one `appid` that OpenWeather takes.
  std::string openweather_api_key = "sandbox";
  // A token that DigitalOcean takes beside those that begin with `dop_`.
  std::string digitalocean_token = {};
  // The client that is there from the start, with every scope.
  std::string client_id = "dev";
  std::string client_secret = "dev-secret";
  // Outlives the sandbox.
  const core::Clock* clock = &core::Clock::Real();
};

class Sandbox {
 public:
  // FAILED_PRECONDITION where the profile is not development.
  static absl::StatusOr<std::unique_ptr<Sandbox>> Start(Options options);
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  // As bound: `127.0.0.1:40123`.
  std::string address() const;
  // `http://127.0.0.1:40123`: the base of Open-Meteo (/v1) and its geocoder, of OpenWeather (/data, /geo), and
  // of DigitalOcean (/v2): DIGITALOCEAN_API_URL.
  const std::string& base_url() const;
  // AWS_XRAY_DAEMON_ADDRESS: what comes there can be looked at under /traces.
  const std::string& xray_address() const;
  // `BASE/POOL`: the `iss` of its tokens; the key set is at /.well-known/jwks.json under it. Empty when it issues none.
  const std::string& issuer_url() const;

 private:
  class Services;
  explicit Sandbox(std::unique_ptr<Services> services);

  // The server is destroyed first: it calls into the services.
  std::unique_ptr<Services> services_;
  std::unique_ptr<http_server::Server> server_;
};

}  // namespace stratus::sandbox
