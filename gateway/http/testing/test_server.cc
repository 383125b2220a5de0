#include "gateway/http/testing/test_server.h"

#include <utility>

#include "boost/asio/post.hpp"

namespace stratus::gateway::http::testing {

TestServer::TestServer(const Limits& limits, const std::string& address, std::shared_ptr<TlsServerContext> tls) {
  auto socket = ListenSocket::Bind(*core::ParseAddress(address));
  worker_ = *Worker::Start(
      *std::move(socket), limits, std::make_shared<ConnectionQuota>(limits),
      [this](boost::asio::io_context& loop) {
        auto service = std::make_unique<TestService>(loop, &log_);
        service_ = service.get();
        return absl::StatusOr<std::unique_ptr<Service>>(std::move(service));
      },
      std::move(tls));
}

TestServer::~TestServer() = default;

void TestServer::Release() {
  boost::asio::post(worker_->loop(), [this] { service_->Release(); });
}

}  // namespace stratus::gateway::http::testing
