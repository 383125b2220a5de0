// api.digitalocean.com/v2 as far as droplets, SSH keys, tags, VPCs and projects go, at /v2 of the sandbox:
// DIGITALOCEAN_API_URL is the sandbox's base URL. It cannot be a folder of it: godo, under the Terraform provider, asks
// for some families by absolute paths (/v2/vpcs, /v2/projects) and loses the folder there.
//
// Shapes, statuses and words as of docs.digitalocean.com/reference/api and of what users of the real one report. Each
// bearer token that begins with `dop_` is an account of its own. What is made is kept in memory.
//
// A create takes a while, and its effect happens at some moment of it; that moment comes also when the client has gone
// meanwhile. A droplet is `new` and locked until it has booted.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/core/clock.h"
#include "lib/core/mutex.h"
#include "lib/http_server/http_server.h"
#include "services/sandbox/digitalocean/world.h"
#include "services/sandbox/faults.h"
#include "services/sandbox/router.h"

namespace stratus::sandbox::digitalocean {

struct Call;
struct Route;

// Durations are drawn uniformly from their range.
struct Behaviour {
  absl::Duration create_min = absl::ZeroDuration();
  absl::Duration create_max = absl::ZeroDuration();
  absl::Duration boot_min = absl::Seconds(2);
  absl::Duration boot_max = absl::Seconds(2);
  // The real one has 5,000; a day of tests on one token needs more.
  int64_t calls_per_hour = 1'000'000;
};

class Api {
 public:
  // `token`: one that is taken beside the `dop_` ones; may be empty. `clock` and `faults` outlive the Api.
  Api(std::string token, const core::Clock* clock, Faults* faults);

  // Faults strike `digitalocean` (every call), `.read`, `.create`, `.change` and `.delete` (calls that do that), and
  // `digitalocean.boot` (droplets that are being made: kStuck alone).
  void AddRoutes(Router* router);

  // Cuts short every wait of a create, so that the server can end. Nothing is made any more.
  void Stop();

  // INVALID_ARGUMENT names what is out of range.
  absl::Status Set(const Behaviour& behaviour);
  Behaviour behaviour() const;
  // Lets the droplets boot that a fault has left stuck.
  void ReleaseStuck();

  // Everything of all accounts, as JSON: {"creates": {"in_flight", "begun", "made"}, "accounts": [{"account",
  // "droplets", "ssh_keys", "tags", "vpcs", "projects"}]}. `begun` counts calls that would create something, `made`
  // those that have, `in_flight` those whose reply is not out yet. `account` is the first 16 hex digits of the token's
  // SHA-256.
  std::string Report() const;

  // The body that it sends with an error status.
  static std::string ErrorBody(int status);

 private:
  class Create;

  http_server::Response Answer(const http_server::Request& request);
  http_server::Response Serve(const Route& route, const http_server::Request& request, std::vector<std::string> ids);
  http_server::Response Perform(const Route& route, const Call& call, Account& account);
  // Null: the token is none that is taken, or there are too many accounts.
  Account* FindAccount(std::string_view authorization);
  // Counts the call and adds the headers that say so; true when there have been too many.
  bool CountCall(Account& account, http_server::Response* response);
  bool Wait(absl::Duration time);  // false: stopped

  const std::string token_;
  const core::Clock* const clock_;
  Faults* const faults_;

  mutable core::Mutex mutex_;
  core::CondVar stopping_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  Behaviour behaviour_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Account, std::less<>> accounts_ ABSL_GUARDED_BY(mutex_);  // never taken out
  int64_t last_id_ ABSL_GUARDED_BY(mutex_) = 400'000'000;
  int64_t creates_in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t creates_begun_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t creates_made_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace stratus::sandbox::digitalocean
