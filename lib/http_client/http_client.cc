#include "lib/http_client/http_client.h"

#include <future>

#include "lib/http_client/loop.h"

namespace stratus::http_client {

std::string_view Response::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

Client::Client(Options options) : loop_(std::make_unique<Loop>(std::move(options))) {}
Client::~Client() = default;

Client::Cancel Client::Send(Request request, Callback done) { return loop_->Send(std::move(request), std::move(done)); }

absl::StatusOr<Response> Client::Fetch(Request request) {
  if (loop_->OnLoopThread()) return absl::FailedPreconditionError("Fetch on the client's own thread would never end");
  std::promise<absl::StatusOr<Response>> reply;
  Send(std::move(request), [&reply](absl::StatusOr<Response> result) { reply.set_value(std::move(result)); });
  return reply.get_future().get();
}

Client::Stats Client::stats() const { return loop_->stats(); }

}  // namespace stratus::http_client
