// A small HTTP/1.1 server (Boost.Beast) for what is not on the fast path: admin ports and the sandbox. The gateway's
// own HTTP is in gateway/http.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/core/address.h"

namespace stratus::http_server {

struct Request {
  std::string method = {};
  std::string path = {};                                          // percent-decoded, without the query
  std::string query = {};                                         // as sent, without `?`
  std::vector<std::pair<std::string, std::string>> headers = {};  // names in lower case
  std::string body = {};

  std::string_view Header(std::string_view name) const;
  // The decoded value of a query parameter, or empty.
  std::string Parameter(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  // Faults for tests of clients: wait before answering; close the connection after this many bytes of the body.
  absl::Duration delay = absl::ZeroDuration();
  int64_t cut_after_bytes = -1;
  // Or close it without a word: the request has been handled, and its sender will never know.
  bool hang_up = false;
};

// Runs on one of the server's threads; may block for a short while.
using Handler = std::function<Response(const Request&)>;

struct Options {
  int threads = 2;
  size_t body_bytes_max = 1 << 20;
  size_t connections_max = 1024;
  absl::Duration idle_timeout = absl::Seconds(60);
};

class Server {
 public:
  // Binds and starts serving. An error names the address and the reason (in use, no permission).
  static absl::StatusOr<std::unique_ptr<Server>> Start(const core::Address& listen, Handler handler,
                                                       Options options = {});
  // Stops accepting, closes every connection and joins the threads.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // As bound: the port is never 0.
  std::string address() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace stratus::http_server
