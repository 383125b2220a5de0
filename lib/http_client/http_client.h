// HTTP over libcurl's multi interface, on one loop thread of its own.
//
//   http_client::Client client(options);
//   client.Send({.url = "https://api.example.com/x", .deadline = deadline}, [](absl::StatusOr<Response> reply) {...});
//
// A reply of any HTTP status is a Response; an error is the absence of one: UNAVAILABLE (refused, reset, breaker open,
// too busy), DEADLINE_EXCEEDED, CANCELLED, RESOURCE_EXHAUSTED (the body is over its limit), INVALID_ARGUMENT (not a
// URL). Error messages name the host and path, never the query or a header: those may hold keys.
//
// Redirects are not followed: a 3xx is a Response. Proxies of the environment (http_proxy) are not used. Replies are
// asked for, and delivered, uncompressed. A request that is not idempotent has a new connection each time, since a kept
// one may turn out to be closed only after it was sent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace stratus::http_client {

// Whose signature a request carries (AWS Signature Version 4), and for which service. Each attempt is signed anew.
struct AwsSigning {
  std::string region = {};   // `us-east-1`
  std::string service = {};  // `xray`
  std::string access_key_id = {};
  std::string secret_access_key = {};
  // Of temporary credentials; sent, and signed, as x-amz-security-token.
  std::string session_token = {};
};

struct Request {
  std::string method = "GET";
  std::string url = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  // When the caller stops caring, retries included. Never infinite: without one, the client's default timeout counts.
  absl::Time deadline = absl::InfiniteFuture();
  // Asks for a compressed reply, in every coding that libcurl can undo; the body comes decoded, and response_bytes_max
  // counts decoded bytes.
  bool compressed_reply = false;
  // Whether it may be sent again after a failure. Only for requests that change nothing when they come twice.
  bool idempotent = true;
  // With it, every one of `headers` is signed. INVALID_ARGUMENT where that would go wrong: an Authorization, an Expect
  // or an empty one among them, a body without a content-type, or a URL with a query, which libcurl before 8.3 signs
  // unsorted.
  std::optional<AwsSigning> aws_signing = std::nullopt;
};

struct Response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers = {};  // names in lower case
  std::string body = {};
  int attempts = 1;

  // The first header of that (lower-case) name, or empty.
  std::string_view Header(std::string_view name) const;
};

struct Options {
  absl::Duration default_timeout = absl::Seconds(10);
  absl::Duration connect_timeout = absl::Seconds(3);
  // What one attempt may take, connecting included; past it, it is given up as if cut and may be tried again while the
  // deadline allows. By default the deadline alone counts.
  absl::Duration attempt_timeout = absl::InfiniteDuration();
  size_t response_bytes_max = 4 << 20;
  int connections_per_host_max = 16;
  int connections_max = 64;
  // Requests queued or under way; past it Send fails at once with UNAVAILABLE.
  int requests_max = 1024;

  // After a failure to connect, a cut connection, or 429/502/503/504: at most this many tries in all, each wait drawn
  // uniformly from [0, backoff * 2^n], or what Retry-After says where that fits the deadline. A retry budget bounds
  // them: at most one retry to five first tries over time, so that an outage is not multiplied.
  int attempts_max = 3;
  absl::Duration backoff_base = absl::Milliseconds(50);
  absl::Duration backoff_max = absl::Seconds(2);

  // Circuit breaker, one a host:port: opens after this many failures in a row (connect, cut, timeout, 5xx), refuses for
  // `breaker_open_for`, then lets one request try.
  int breaker_failures = 8;
  absl::Duration breaker_open_for = absl::Seconds(5);

  std::string user_agent = "stratus";
  // PEM file of roots to trust beside the system's folder of them. Certificates and host names are always verified.
  std::string ca_file = {};
};

class Client {
 public:
  using Callback = std::function<void(absl::StatusOr<Response>)>;
  // Ends a request early; its callback then gets CANCELLED, unless it has run already. Safe after the callback.
  using Cancel = std::function<void()>;

  explicit Client(Options options = {});
  // Every request under way ends with CANCELLED before this returns.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Starts a request from any thread. It is a part of that thread's CurrentSpan(), which is `done`'s too. `done` runs
  // exactly once, on the client's loop thread (or inside Send when the request is refused at once): it must not block,
  // throw, or destroy the client.
  Cancel Send(Request request, Callback done);

  // Send, and wait for it. From the loop thread, where it could only wait for ever: FAILED_PRECONDITION.
  absl::StatusOr<Response> Fetch(Request request);

  // For metrics and tests: counts since start; in_flight and breakers_open as of now.
  struct Stats {
    uint64_t requests = 0, retries = 0, breaker_rejections = 0, overload_rejections = 0, in_flight = 0,
             breakers_open = 0;
  };
  Stats stats() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace stratus::http_client
