// A JWKS document fetched over HTTP.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "lib/auth/key_source.h"
#include "lib/http_client/http_client.h"

namespace stratus::auth {

class HttpKeySource final : public KeySource {
 public:
  // `client` outlives the source. `timeout` bounds a fetch with its retries.
  HttpKeySource(http_client::Client* client, std::string url, absl::Duration timeout = absl::Seconds(10));
  // Cancels what is under way and waits for its callback. Never from the client's loop thread.
  ~HttpKeySource() override;
  HttpKeySource(const HttpKeySource&) = delete;
  HttpKeySource& operator=(const HttpKeySource&) = delete;

  // Errors: the client's own; NOT_FOUND for 403 and 404, UNAVAILABLE for any other status than 200; RESOURCE_EXHAUSTED
  // for a body over kJwksBytesMax.
  void Fetch(Callback done) override;

 private:
  struct State;

  http_client::Client* const client_;
  const std::string url_;
  const absl::Duration timeout_;
  const std::shared_ptr<State> state_;
};

}  // namespace stratus::auth
