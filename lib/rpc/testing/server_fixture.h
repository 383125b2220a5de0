// A server with the echo service on a real socket, and calls to it.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "lib/rpc/server.h"
#include "lib/rpc/testing/echo_service.h"

namespace stratus::rpc::testing {

// A promise that may be kept more than once and asked about from any thread.
class Event {
 public:
  void Set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

class ServerFixture : public ::testing::Test {
 protected:
  // Starts the server on a free port, with whatever `options_` and `service_` were set to before.
  void Start() {
    if (options_.listen.empty()) options_.listen = {*core::ParseAddress("127.0.0.1:0")};
    options_.AddService<v1::EchoService>(&service_);
    if (!options_.authentication_off) options_.authenticator = authenticator_;
    service_.Open();
    absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(options_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = v1::EchoService::NewStub(Channel(server_->addresses()[0]));
  }

  static std::shared_ptr<grpc::Channel> Channel(const std::string& address) {
    return grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  }

  static void Authorize(grpc::ClientContext* context, const std::string& token) {
    if (!token.empty()) context->AddMetadata("authorization", absl::StrCat("Bearer ", token));
  }

  grpc::Status Echo(const std::string& token, EchoResponse* response = nullptr) {
    grpc::ClientContext context;
    Authorize(&context, token);
    EchoRequest request;
    request.set_text("hello");
    EchoResponse unused;
    return stub_->Echo(&context, request, response == nullptr ? &unused : response);
  }

  grpc::Status EchoStream(const std::string& token, std::vector<std::string>* texts = nullptr) {
    grpc::ClientContext context;
    Authorize(&context, token);
    const auto reader = stub_->EchoStream(&context, EchoRequest());
    EchoResponse response;
    while (reader->Read(&response)) {
      if (texts != nullptr) texts->push_back(response.text());
    }
    return reader->Finish();
  }

  EchoService service_;
  std::shared_ptr<FakeAuthenticator> authenticator_ = std::make_shared<FakeAuthenticator>();
  ServerOptions options_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::EchoService::Stub> stub_;
};

}  // namespace stratus::rpc::testing
