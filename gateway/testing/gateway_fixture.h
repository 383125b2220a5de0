// A gateway in front of a ShapesServer, and a client at its door.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "gateway/gateway.h"
#include "gateway/testing/raw_client.h"
#include "gateway/testing/shapes_server.h"
#include "shapes.grpc.pb.h"

namespace stratus::gateway::testing {

class GatewayFixture : public ::testing::Test {
 protected:
  GatewayFixture() { options_.config.mutable_json()->set_always_print_fields_with_no_presence(false); }

  void Start() {
    options_.listen = *core::ParseAddress("127.0.0.1:0");
    options_.descriptors = ShapesDescriptors();
    if (options_.config.upstreams().empty()) options_.config.add_upstreams()->set_address(server_.address());
    auto started = Gateway::Start(options_);
    ASSERT_TRUE(started.ok()) << started.status();
    gateway_ = *std::move(started);
    client_ = std::make_unique<RawClient>(address());
  }
  std::string address() const { return gateway_->address().ToString(); }
  std::unique_ptr<v1::Shapes::Stub> Stub() {
    return v1::Shapes::NewStub(grpc::CreateChannel(address(), grpc::InsecureChannelCredentials()));
  }

  ShapesServer server_;
  GatewayOptions options_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<RawClient> client_;
};

}  // namespace stratus::gateway::testing
