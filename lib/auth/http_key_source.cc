#include "lib/auth/http_key_source.h"

#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/auth/jwks.h"
#include "lib/core/mutex.h"

namespace stratus::auth {
namespace {

absl::StatusOr<std::string> ToDocument(absl::StatusOr<http_client::Response> reply) {
  if (!reply.ok()) return reply.status();
  if (reply->status != 200) {
    const std::string what = absl::StrCat("the issuer's key document came with HTTP status ", reply->status);
    // Cognito's way to say that a pool has no such issuer, and everyone else's.
    if (reply->status == 403 || reply->status == 404) return absl::NotFoundError(what);
    return absl::UnavailableError(what);
  }
  if (reply->body.size() > kJwksBytesMax) {
    return absl::ResourceExhaustedError("the issuer's key document is over 256 KiB");
  }
  return std::move(reply->body);
}

}  // namespace

struct HttpKeySource::State {
  core::Mutex mu;
  core::CondVar idle;
  uint64_t last_fetch ABSL_GUARDED_BY(mu) = 0;
  // Fetches whose callback has not ended yet. The entry's value is empty until Send has returned.
  std::unordered_map<uint64_t, http_client::Client::Cancel> under_way ABSL_GUARDED_BY(mu);

  uint64_t Begin() {
    core::MutexLock lock(mu);
    under_way.emplace(++last_fetch, nullptr);
    return last_fetch;
  }

  void SetCancel(uint64_t fetch, http_client::Client::Cancel cancel) {
    core::MutexLock lock(mu);
    const auto found = under_way.find(fetch);
    if (found != under_way.end()) found->second = std::move(cancel);
  }

  void End(uint64_t fetch) {
    core::MutexLock lock(mu);
    under_way.erase(fetch);
    idle.NotifyAll();
  }

  std::vector<http_client::Client::Cancel> Cancels() {
    core::MutexLock lock(mu);
    std::vector<http_client::Client::Cancel> cancels;
    for (const auto& [fetch, cancel] : under_way) {
      if (cancel) cancels.push_back(cancel);
    }
    return cancels;
  }

  void WaitUntilIdle() {
    core::MutexLock lock(mu);
    while (!under_way.empty()) idle.Wait(lock);
  }
};

HttpKeySource::HttpKeySource(http_client::Client* client, std::string url, absl::Duration timeout)
    : client_(client), url_(std::move(url)), timeout_(timeout), state_(std::make_shared<State>()) {}

HttpKeySource::~HttpKeySource() {
  for (const auto& cancel : state_->Cancels()) cancel();
  state_->WaitUntilIdle();
}

void HttpKeySource::Fetch(Callback done) {
  const uint64_t fetch = state_->Begin();
  http_client::Request request;
  request.url = url_;
  request.headers = {{"accept", "application/jwk-set+json, application/json"}};
  request.deadline = absl::Now() + timeout_;
  auto cancel = client_->Send(std::move(request), [state = state_, fetch, done = std::move(done)](auto reply) {
    done(ToDocument(std::move(reply)));
    state->End(fetch);
  });
  state_->SetCancel(fetch, std::move(cancel));
}

}  // namespace stratus::auth
